"""The platforms that come with qsjwt, one file each; they know ``qsjwt.api`` alone."""
