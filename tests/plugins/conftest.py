"""The packages in here are a third party's: each is installed, and its tests run where it is."""

collect_ignore = ["jsonzones"]
