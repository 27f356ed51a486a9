"""The archive that needs no server: a folder of documents, read into one SQLite file and searched there."""
