package dev.nudge.settings.train;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// The speed of a network. The suffixes are powers of 1,000.
///
/// @param bitsPerSecond above 0
public record BitRate(double bitsPerSecond) {
  private static final Pattern FORM =
      Pattern.compile("(\\d{1,9}(?:\\.\\d{1,9})?)\\s*([MG])(?:B|BIT|BPS|B/S|BIT/S)?");

  /// Reads `10Gb`, `2.5G` or `100Mbit/s`.
  public static BitRate parse(String text) {
    Matcher form = FORM.matcher(text.strip().toUpperCase(Locale.ROOT));
    double bits = form.matches() ? Double.parseDouble(form.group(1)) : 0;
    if (!(bits > 0)) {
      throw new IllegalArgumentException("bits a second, such as 10Gb or 100Mb");
    }
    return new BitRate(bits * (form.group(2).equals("G") ? 1e9 : 1e6));
  }

  @Override
  public String toString() {
    return bitsPerSecond >= 1e9
        ? shown(bitsPerSecond / 1e9) + "Gb"
        : shown(bitsPerSecond / 1e6) + "Mb";
  }

  private static String shown(double number) {
    return number == Math.rint(number)
        ? String.format(Locale.ROOT, "%.0f", number)
        : Double.toString(number);
  }
}
