package mylogger;

# A logger in the manner of those that sites have written for spreadlogd: it takes the host from the
# sender, and appends host, group, time and line to a table. The table is opened with the first line, and
# again after an error. A file stands for the database.

use strict;
use warnings;

our $table = $ENV{MYLOGGER_TABLE};
my $handle;

sub connection {
	return $handle if $handle;
	open $handle, '>>', $table or die "cannot open $table: $!\n";
	$handle->autoflush(1);
	return $handle;
}

sub insert {
	my @row = @_;
	for my $attempt (1, 2) {
		return 1 if eval { print { connection() } join("\t", @row), "\n" };
		undef $handle;
	}
	return 0;
}

sub log {
	my ($sender, $group, $message) = @_;
	my $host = $sender =~ /^#[^#]*#(.*)$/ ? $1 : 'unknown';
	chomp $message;
	return insert($host, $group, time, $message);
}

# reopen is for HUP: the table may have been moved away.
sub reopen {
	print STDERR "reopening with ", scalar(@_), " arguments\n";
	undef $handle;
}

1;
