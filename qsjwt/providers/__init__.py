"""The key providers that come with qsjwt, one file each; they know ``qsjwt.api`` alone."""
