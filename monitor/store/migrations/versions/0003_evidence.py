"""What real use asked for: each part says which promise needs it."""

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Change nothing yet: the parts follow."""
