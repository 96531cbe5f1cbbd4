package dev.nudge.settings;

import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// An amount of memory. The suffixes are powers of 1,024.
///
/// @param bytes at least 1
public record ByteSize(long bytes) {
  private static final Pattern FORM =
      Pattern.compile("(\\d{1,18}(?:\\.\\d{1,9})?)\\s*(?:([KMGT])(?:I?B)?|B)?");
  private static final String ALLOWED = "an amount such as 8G, 1.5G or 900M";
  private static final long LEAST_WITHOUT_UNIT = 1 << 20; // smaller: the unit is missing

  public ByteSize {
    if (bytes < 1) {
      throw new InputException("an amount of memory is " + bytes + " bytes; it must be above 0");
    }
  }

  /// Reads `8G`, `8GiB`, `1.5g`, `900M` or a number of bytes; a number below 1 MiB is refused, as
  /// its unit was probably forgotten.
  public static ByteSize parse(String text) {
    Matcher form = FORM.matcher(text.strip().toUpperCase(Locale.ROOT));
    if (!form.matches()) {
      throw new IllegalArgumentException(ALLOWED);
    }
    int power = form.group(2) == null ? 0 : "KMGT".indexOf(form.group(2)) + 1;
    double bytes = Double.parseDouble(form.group(1)) * Math.pow(1024, power);
    if (bytes < 1 || bytes >= Long.MAX_VALUE) {
      throw new IllegalArgumentException(ALLOWED);
    }
    if (bytes < LEAST_WITHOUT_UNIT && form.group(1).length() == text.strip().length()) {
      String number = form.group(1);
      throw new IllegalArgumentException(
          "an amount with its unit: %s is %s bytes; say %s%s"
              .formatted(number, number, number, bytes < 256 ? "G" : "M"));
    }
    return new ByteSize((long) bytes);
  }

  @Override
  public String toString() {
    return Long.toString(bytes);
  }
}
