package dev.nudge.gguf;

import dev.nudge.settings.InputException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Typed access to the metadata of a GGUF file, by key; an error names file, key, value and what is
/// allowed.
///
/// Threading: immutable; readable as long as the file is mapped.
public final class GgufMetadata {
  private static final int MOST_ELEMENTS = 1 << 24;

  private final Path file;
  private final TreeMap<String, GgufValue> values;

  GgufMetadata(Path file, Map<String, GgufValue> values) {
    this.file = file;
    this.values = new TreeMap<>(values);
  }

  /// All keys, sorted.
  public Set<String> keys() {
    return Collections.unmodifiableSet(values.navigableKeySet());
  }

  public boolean has(String key) {
    return values.containsKey(key);
  }

  /// Returns the bytes of a value as stored, its type first.
  byte[] stored(String key) {
    return Objects.requireNonNull(values.get(key), key).stored(key);
  }

  /// Returns a string; null if the key is absent.
  public @Nullable String text(String key) {
    GgufValue value = values.get(key);
    if (value == null) {
      return null;
    }
    if (value.isArray() || value.kind() != GgufValue.Kind.STRING) {
      throw wrong(key, value, "a string is needed");
    }
    return value.texts(key)[0];
  }

  /// Returns a whole number within bounds.
  ///
  /// @param absent default for an absent key; null: the key is required
  public int whole(String key, @Nullable Integer absent, int least, int most) {
    GgufValue value = values.get(key);
    if (value == null) {
      if (absent == null) {
        throw refuse(key + " is missing; a number is needed");
      }
      return absent;
    }
    if (!value.isWhole()) {
      throw wrong(key, value, "a whole number is needed");
    }
    if (value.isArray()) {
      throw wrong(key, value, "one number is needed");
    }
    return bounded(key, value.whole(0), least, most);
  }

  /// Returns a whole number, or the one value of a per-layer array whose elements are all equal.
  public int alike(String key, @Nullable Integer absent, int least, int most) {
    GgufValue value = values.get(key);
    if (value == null || !value.isArray() || !value.isWhole()) {
      return whole(key, absent, least, most);
    }
    if (value.count() == 0) {
      throw wrong(key, value, "a number, or one for each layer, is needed");
    }
    for (long i = 1; i < value.count(); i++) {
      if (value.whole(i) != value.whole(0)) {
        throw refuse(
            "%s is %s in one layer and %s in another; layers of one size are supported"
                .formatted(key, value.whole(0), value.whole(i)));
      }
    }
    return bounded(key, value.whole(0), least, most);
  }

  private int bounded(String key, long value, int least, int most) {
    if (value < least || value > most) {
      throw refuse(key + " is " + value + "; " + least + " to " + most + " is allowed");
    }
    return (int) value;
  }

  /// Returns a finite number.
  ///
  /// @param absent default for an absent key; null: the key is required
  public double number(String key, @Nullable Double absent) {
    GgufValue value = values.get(key);
    if (value == null) {
      if (absent == null) {
        throw refuse(key + " is missing; a number is needed");
      }
      return absent;
    }
    if (value.isArray() || !(value.isFloat() || value.isWhole())) {
      throw wrong(key, value, "a number is needed");
    }
    double number = value.number(0);
    if (!Double.isFinite(number)) {
      throw refuse(key + " is " + number + "; a finite number is needed");
    }
    return number;
  }

  public boolean flag(String key, boolean absent) {
    GgufValue value = values.get(key);
    if (value == null) {
      return absent;
    }
    if (value.isArray() || value.kind() != GgufValue.Kind.BOOL) {
      throw wrong(key, value, "true or false is needed");
    }
    return value.whole(0) != 0;
  }

  /// Returns an array of strings; null if the key is absent.
  public String @Nullable [] texts(String key) {
    GgufValue value = array(key);
    if (value != null && value.kind() != GgufValue.Kind.STRING) {
      throw wrong(key, value, "an array of strings is needed");
    }
    return value == null ? null : value.texts(key);
  }

  /// Returns an array of numbers; null if the key is absent.
  public double @Nullable [] numbers(String key) {
    GgufValue value = array(key);
    if (value == null) {
      return null;
    }
    if (!value.isFloat() && !value.isWhole()) {
      throw wrong(key, value, "an array of numbers is needed");
    }
    double[] all = new double[(int) value.count()];
    for (int i = 0; i < all.length; i++) {
      all[i] = value.number(i);
    }
    return all;
  }

  private @Nullable GgufValue array(String key) {
    GgufValue value = values.get(key);
    if (value != null && (!value.isArray() || value.count() > MOST_ELEMENTS)) {
      throw wrong(key, value, "an array of at most " + MOST_ELEMENTS + " is needed");
    }
    return value;
  }

  private InputException wrong(String key, GgufValue value, String needed) {
    return refuse(key + " is " + value.shown() + "; " + needed);
  }

  /// Makes an error about the file.
  InputException refuse(String what) {
    return GgufError.of(file, what);
  }
}
