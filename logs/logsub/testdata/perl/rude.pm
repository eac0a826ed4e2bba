package rude;

# A logger with bad manners.

use strict;
use warnings;

sub log {
	my ($sender, $group, $message) = @_;
	die "as it was told\n" if $message =~ /^die/;
	exit 4 if $message =~ /^exit/;
	sleep 600 if $message =~ /^hang/;
	return;
}

sub hup { print STDERR "rude reopens\n" }

1;
