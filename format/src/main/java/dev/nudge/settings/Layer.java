package dev.nudge.settings;

import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Values by YAML key from one source, such as a file or the flags. Later layers win.
///
/// @param file name of the file; null: flags or Java code. Text from a file is never parsed as a
///     number, since files have typed values
/// @param values by key (`batch_size`)
public record Layer(@Nullable String file, Map<String, ? extends @Nullable Object> values) {

  /// Makes a layer of flags, which are all text, or of values from Java code.
  public static Layer of(Map<String, ? extends @Nullable Object> values) {
    return new Layer(null, values);
  }

  /// Makes a layer of the values of a file, which messages name.
  public static Layer of(String file, Map<String, ? extends @Nullable Object> values) {
    return new Layer(file, values);
  }

  /// Names a setting as the user wrote it: `--batch-size`, or `run.yaml: batch_size`.
  String name(SettingComponent knob) {
    return file == null ? knob.flag() : file + ": " + knob.key();
  }
}
