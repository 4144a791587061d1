"""What is being judged, behind one interface: requests go in, observations come out. Knows no claim and no stage."""
