"""A running lab is what its definition says. These tests look; what they touch, they put back."""
