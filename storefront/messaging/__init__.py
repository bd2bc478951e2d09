"""What the shop sends and how far its jobs are: mail, SMS, progress."""
