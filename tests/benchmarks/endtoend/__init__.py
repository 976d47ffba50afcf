"""Programs profiled natively, predicted from the profile alone, and measured isolated."""
