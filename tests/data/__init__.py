"""Test data that code makes: folders and files as a program of the project would find them."""
