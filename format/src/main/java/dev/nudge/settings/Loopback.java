package dev.nudge.settings;

import java.util.Locale;
import java.util.regex.Pattern;

/// Checks whether a host name is the loopback interface, which other machines cannot reach.
///
/// These are `localhost`, `127.` with three more numbers, and `::1`, with brackets in URLs. Nothing
/// is resolved: a name that resolves to this machine today may not tomorrow.
public final class Loopback {
  private static final Pattern FOUR =
      Pattern.compile("127(\\.(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)){3}");

  private Loopback() {}

  /// Whether a host is the loopback interface.
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
