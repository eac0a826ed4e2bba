#line 1 "logsub-perl"
# The Perl side of package perlsink: it reads frames from its standard input, and answers each with
# a byte on its standard output. frame.go defines both. Everything that modules print goes to
# standard error.

# The argument of PerlUse comes from the configuration. It is evaluated here, out of sight of our
# pragmas and variables.
sub Logsub::Perl::evaluate { eval $_[0] }

package Logsub::Perl;

use strict;
use warnings;
use Errno 'EINTR';

$0 = 'logsub: perl';
$SIG{PIPE} = 'IGNORE';    # as in spreadlogd, so that a module's writes fail instead

# Handles above 2 are closed in programs that modules start.
open my $in,  '<&', \*STDIN  or die "no input: $!\n";
open my $out, '>&', \*STDOUT or die "no output: $!\n";
binmode $_ for $in, $out;
open STDIN, '<', $^O eq 'MSWin32' ? 'NUL' : '/dev/null' or die "no input for modules: $!\n";
open STDOUT, '>&', \*STDERR or die "no output for modules: $!\n";
select((select(STDOUT), $| = 1)[0]);

my $pid = $$;
my (@functions, @hups);    # [name in the configuration, whole name]

# answer writes to logsub. If logsub has ended, so does this.
sub answer {
	my ($text) = @_;
	while (length $text) {
		my $n = syswrite $out, $text;
		if (defined $n) { substr $text, 0, $n, '' }
		elsif ($! != EINTR) { exit 0 }
	}
}

# fail ends the start, with a reason.
sub fail {
	my ($text) = @_;
	$text =~ s/\s+\z//;
	answer("F$text");
	exit 2;
}

# function finds a function by its name. Each call looks up its code, so that modules may replace it.
sub function {
	my ($name) = @_;
	my $full = $name =~ /::|'/ ? $name : "main::$name";
	no strict 'refs';
	my $package = $full =~ /^(.*)(?:::|')/s ? $1 : 'main';
	defined &$full || defined &{"${package}::AUTOLOAD"}
		or fail("there is no function $name");
	return [$name, $full];
}

# call calls a function in scalar context, and returns whether it returned.
sub call {
	my $function = shift;
	my $name = $function->[1];
	my ($returned, $error);
	{
		local $@;
		no strict 'refs';
		eval { my $ignored = &$name; $returned = 1 } or $error = $@;
	}
	if (!$returned && $$ == $pid) {
		my $why = eval { "$error" };
		$why = 'without a reason' unless defined $why && length $why;
		$why =~ s/\n?\z/\n/;
		local ($,, $\);
		print STDERR "$function->[0] died: $why";
	}
	# A child that a module forked and forgot must not read our frames.
	exit 0 if $$ != $pid;
	return $returned;
}

sub hangup {
	my $died = 0;
	for my $function (@hups) {
		call($function) or $died++;
	}
	return $died;
}

# handle executes a frame, and returns the answer.
sub handle {
	my ($frame) = @_;
	my $kind = substr $frame, 0, 1;
	if ($kind eq 'M') {
		my ($index, @args) = unpack 'xN N/a* N/a* N/a*', $frame;
		if (!$functions[$index]) {
			print STDERR "a message is for a function that is not in the configuration\n";
			return 'x';
		}
		return call($functions[$index], @args) ? 'd' : 'x';
	}
	my $text = substr $frame, 1;
	if ($kind eq 'h') { return hangup() ? 'x' : 'd' }
	if ($kind eq 'L') { require lib; lib->import($text); return '' }
	if ($kind eq 'U') {
		evaluate("package main; use $text; 1") or fail("use $text: $@");
		return '';
	}
	if ($kind eq 'F') { push @functions, function($text); return '' }
	if ($kind eq 'H') { push @hups,      function($text); return '' }
	if ($kind eq 'S') { return 'x' x hangup() . 'R' }
	fail("a frame of the unknown kind $kind");
}

my $buffer = '';
while (1) {
	my $n = sysread $in, $buffer, 65536, length $buffer;
	if (!defined $n) {
		next if $! == EINTR;
		die "reading what logsub says: $!\n";
	}
	last if $n == 0;
	my ($offset, $size, $busy) = (0, 0, 0);
	my $whole = sub {
		return 0 if length($buffer) - $offset < 4;
		$size = unpack 'N', substr $buffer, $offset, 4;
		return length($buffer) - $offset - 4 >= $size;
	};
	next unless $whole->();
	while (1) {
		my $frame = substr $buffer, $offset + 4, $size;
		$offset += 4 + $size;
		my $message = $frame =~ /^[Mh]/;
		answer('B') if $message && !$busy++;
		my $result = handle($frame);
		my $more = $whole->();
		answer($more || !$message ? $result : uc $result);
		last unless $more;
	}
	substr $buffer, 0, $offset, '';
}
