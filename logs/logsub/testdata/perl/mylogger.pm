package mylogger;

# What the talk shows, in other words: a row for each line, with the host taken from the sender. The table is
# opened with the first line, and once again when that fails. A file stands for the database.

use strict;
use warnings;
use POSIX 'strftime';

my $table;

sub connect_table {
	open my $new, '>>', $ENV{MYLOGGER_TABLE} or return;
	$new->autoflush(1);
	return $table = $new;
}

sub log {
	my ($sender, $group, $message) = @_;
	my $host = ($sender =~ /^#[^#]*#([^#]*)$/)[0];
	chomp $message;
	my @row = ($host, $group, strftime('%Y-%m-%d %H:%M:%S', gmtime), $message);
	for (1 .. 2) {
		return 1 if ($table || connect_table()) && print {$table} join("\t", @row), "\n";
		undef $table;
	}
	return 0;
}

1;
