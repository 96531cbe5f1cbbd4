package dev.nudge.settings;

import java.util.Locale;

/// Formats amounts of memory and disk for people.
public final class Bytes {
  private Bytes() {}

  /// Formats bytes as `3.42 GiB`, `517 MiB` or `12 KiB`.
  public static String shown(long bytes) {
    double kib = bytes / 1024.0;
    if (kib >= 1024 * 1024) {
      return String.format(Locale.ROOT, "%.2f GiB", kib / 1024 / 1024);
    }
    return kib >= 1024
        ? String.format(Locale.ROOT, "%.0f MiB", kib / 1024)
        : String.format(Locale.ROOT, "%.0f KiB", kib);
  }
}
