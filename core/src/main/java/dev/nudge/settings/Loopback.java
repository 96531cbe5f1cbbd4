package dev.nudge.settings;

import java.util.Locale;
import java.util.regex.Pattern;

/// Tells names of this machine, which nobody else can reach, from those of others.
///
/// They are `localhost`, `127.` with three more numbers, and `::1`, with brackets around it as URLs
/// have it. Nothing is looked up: a name that merely leads here may lead elsewhere tomorrow.
public final class Loopback {
  private static final Pattern FOUR =
      Pattern.compile("127(\\.(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)){3}");

  private Loopback() {}

  /// Whether a host is this machine.
  ///
  /// @param host without a port
  public static boolean is(String host) {
    String name = host.toLowerCase(Locale.ROOT);
    return name.equals("localhost")
        || name.equals("::1")
        || name.equals("[::1]")
        || FOUR.matcher(name).matches();
  }
}
