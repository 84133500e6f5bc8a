"""What is shown on terminals, whatever their width."""
