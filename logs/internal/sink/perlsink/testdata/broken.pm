package broken;
die "broken on purpose\n";
