"""Case cases for servers, by what they test."""
