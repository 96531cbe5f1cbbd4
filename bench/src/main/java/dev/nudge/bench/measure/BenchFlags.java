package dev.nudge.bench.measure;

import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Supplier;
import java.util.regex.Pattern;

/// Parses a bench's flags, each with a value; every default is written once.
///
///     BenchFlags.parse("bench/x", args, "--steps 5 --compute auto|bf16|fp32 --out …")
///
/// A default with bars lists the allowed values, the first being the default; `…` means no default.
/// If the default is a number, or a list of whole numbers, so must the value be.
public final class BenchFlags {
  private static final Pattern FLAG = Pattern.compile("--(\\S+) (.*?)(?= --|$)");
  private static final Pattern WHOLE = Pattern.compile("\\d+");
  private static final Pattern WHOLES = Pattern.compile("\\d+(,\\d+)+");
  private static final Pattern REAL = Pattern.compile("\\d+(\\.\\d+)?(e-?\\d+)?");

  private final String program;
  private final Map<String, String> defaults = new LinkedHashMap<>();
  private final Map<String, String> values = new LinkedHashMap<>();

  private BenchFlags(String program) {
    this.program = program;
  }

  /// Reads a command line or ends the program with its usage.
  ///
  /// @param known all flags with their defaults
  public static BenchFlags parse(String program, String[] args, String known) {
    return orEnd(() -> of(program, args, known));
  }

  private static <T> T orEnd(Supplier<T> read) {
    try {
      return read.get();
    } catch (IllegalArgumentException e) {
      System.err.println(e.getMessage());
      System.exit(2);
      throw e;
    }
  }

  /// Reads a command line.
  ///
  /// @throws IllegalArgumentException with the error and the usage
  public static BenchFlags of(String program, String[] args, String all) {
    BenchFlags flags = new BenchFlags(program);
    FLAG.matcher(all)
        .results()
        .forEach(f -> flags.defaults.put(f.group(1), f.group(2).equals("…") ? "" : f.group(2)));
    for (int i = 0; i < args.length; i += 2) {
      String name = args[i].startsWith("--") ? args[i].substring(2) : args[i];
      String known = flags.defaults.get(name);
      if (known == null) {
        throw flags.refuse("no flag " + args[i]);
      }
      if (i + 1 == args.length) {
        throw flags.refuse(args[i] + " has no value");
      }
      List<String> allowed = List.of(known.split("\\|"));
      if (allowed.size() > 1 && !allowed.contains(args[i + 1])) {
        throw flags.refuse(args[i] + " " + args[i + 1] + ": allowed are " + known);
      }
      flags.values.put(name, args[i + 1]);
      flags.checkNumber(name, known);
    }
    return flags;
  }

  /// Throws before any work if a flag with a numeric default has another value.
  private void checkNumber(String name, String known) {
    if (WHOLE.matcher(known).matches()) {
      whole(name);
    } else if (WHOLES.matcher(known).matches()) {
      wholes(name);
    } else if (REAL.matcher(known).matches()) {
      real(name);
    }
  }

  /// Ends the program with its usage unless `holds`.
  public void check(boolean holds, String message) {
    if (!holds) {
      orEnd(
          () -> {
            throw refuse(message);
          });
    }
  }

  private IllegalArgumentException refuse(String message) {
    StringBuilder usage = new StringBuilder(program + ": " + message + "\nusage: " + program);
    defaults.forEach((name, value) -> usage.append(" [--" + name + " " + shown(value) + "]"));
    return new IllegalArgumentException(usage.toString());
  }

  private static String shown(String value) {
    return value.isEmpty() ? "…" : value;
  }

  public boolean given(String name) {
    return !text(name).isEmpty();
  }

  public String text(String name) {
    String known = defaults.get(name);
    if (known == null) {
      throw new IllegalStateException(program + " has no flag " + name);
    }
    String value = values.get(name);
    return value != null ? value : known.split("\\|")[0];
  }

  public int whole(String name) {
    try {
      return Integer.parseInt(zero(name));
    } catch (NumberFormatException e) {
      throw refuse("--" + name + " " + text(name) + ": a whole number is needed");
    }
  }

  /// Returns the given number; `other` for 0.
  public int whole(String name, int other) {
    return whole(name) > 0 ? whole(name) : other;
  }

  /// Returns the number; below `least`, ends the program with its usage.
  public int atLeast(int least, String name) {
    return orEnd(
        () -> {
          int value = whole(name);
          if (value < least) {
            throw refuse("--" + name + " " + value + ": at least " + least + " is needed");
          }
          return value;
        });
  }

  public double real(String name) {
    try {
      return Double.parseDouble(zero(name));
    } catch (NumberFormatException e) {
      throw refuse("--" + name + " " + text(name) + ": a number is needed");
    }
  }

  private String zero(String name) {
    return text(name).isEmpty() ? "0" : text(name);
  }

  /// Returns the given path, else `other`; absolute.
  public Path path(String name, Path other) {
    return (given(name) ? path(name) : other).toAbsolutePath();
  }

  public Path path(String name) {
    return Path.of(text(name));
  }

  /// Returns a comma-separated list; empty: not given.
  public List<String> list(String name) {
    return given(name) ? List.of(text(name).split(",")) : List.of();
  }

  public int[] wholes(String name) {
    try {
      return list(name).stream().mapToInt(Integer::parseInt).toArray();
    } catch (NumberFormatException e) {
      throw refuse("--" + name + " " + text(name) + ": whole numbers with commas are needed");
    }
  }

  public <E extends Enum<E>> E choice(String name, Class<E> type) {
    return Arrays.stream(type.getEnumConstants())
        .filter(e -> e.name().equals(text(name).toUpperCase(Locale.ROOT).replace('-', '_')))
        .findFirst()
        .orElseThrow(() -> refuse("--" + name + " " + text(name)));
  }
}
