package odd;

# Functions that do what loggers should not do. What they get is written to the file of ODD_OUT.

use strict;
use warnings;
use Time::HiRes 'sleep';

print "odd is loaded\n";
$/ = $, = $\ = 'x';    # must not disturb anyone

sub record {
	my $text = join '|', map { s/\n/\\n/gr } @_;
	open my $out, '>>', $ENV{ODD_OUT} or die "$ENV{ODD_OUT}: $!";
	syswrite $out, "$text\n";
}

sub log {
	my ($sender, $group, $message) = @_;
	my $context = wantarray ? 'list' : defined wantarray ? 'scalar' : 'void';
	record(scalar(@_), $context, $sender, $group, $message);
	for ($message) {
		die "at once\n"           if /^die/;
		die { code => 5 }         if /^object/;
		die bless [], 'odd::mute' if /^mute/;
		exit 3                    if /^exit/;
		kill 'KILL', $$           if /^kill/;
		sleep 60                  if /^hang/;
		sleep 0.01                if /^slow/;
		warn "careful\n"          if /^warn/;
		fork                      if /^fork/;
		print STDOUT "printed"    if /^print/;
		if (/^loud/) { print STDERR "line $_\n" for 1 .. 500 }
		if (/^redefine/) { no warnings; *odd::log = sub { record("new", @_) } }
		if (/^stdin/) { my $line = <STDIN>; record(defined $line ? "read $line" : 'end of input') }
	}
	return wantarray;
}

sub hup     { record('hup', scalar @_) }
sub badhup  { die "no hup today\n" }
sub main::plain { record('plain', @_) }

sub odd::auto::AUTOLOAD { our $AUTOLOAD; record("autoload $odd::auto::AUTOLOAD", @_) }

{
	package odd::mute;
	use overload '""' => sub { die "even this" };
}

END { record('END') }

1;
