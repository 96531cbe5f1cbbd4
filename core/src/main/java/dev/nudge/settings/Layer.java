package dev.nudge.settings;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Values by YAML key from one place. Of several layers a later one wins.
///
/// @param file name of the file that the values were read from, or null for flags and Java code.
///     Text from a file is never read as a number: a file has types of its own
/// @param values by key (`batch_size`)
public record Layer(@Nullable String file, Map<String, ? extends @Nullable Object> values) {

  /// Takes values from flags, all of them text, or from Java code.
  public static Layer of(Map<String, ? extends @Nullable Object> values) {
    return new Layer(null, values);
  }

  /// Takes the values of a file, named in messages.
  public static Layer of(String file, Map<String, ? extends @Nullable Object> values) {
    return new Layer(file, values);
  }

  /// Names a setting as the user wrote it: `--batch-size`, or `run.yaml: batch_size`.
  String name(Knob knob) {
    return file == null ? knob.flag() : file + ": " + knob.key();
  }
}
