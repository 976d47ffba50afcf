"""The service over HTTP beside other ways to serve a Gaussian process; see __main__.py."""
