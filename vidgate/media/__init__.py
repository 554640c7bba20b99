"""The heart: live streams, who feeds them and who reads them."""
