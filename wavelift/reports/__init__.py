"""What is handed to others: integrity reports, sources that may go, Terraform."""
