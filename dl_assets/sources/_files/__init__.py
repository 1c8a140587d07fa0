"""What the sources share: files at a path, behind a URL or in an archive, all listed and read in one way."""
