package dev.nudge.settings;

import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.Locale;

/// One setting, made from an annotated record component.
///
/// @param name name of the component, `batchSize`
/// @param group heading in the help; empty: before all headings
/// @param kind type of its values
/// @param type class of the component
/// @param setting its annotation: help, default and the rest
public record SettingComponent(
    String name, String group, SettingType kind, Class<?> type, Setting setting) {

  static SettingComponent of(RecordComponent component, String group, Setting setting) {
    Class<?> type = component.getType();
    return new SettingComponent(component.getName(), group, SettingType.of(type), type, setting);
  }

  /// Returns the YAML key, `batch_size`.
  public String key() {
    return joined("_");
  }

  /// Returns the flag, `--batch-size`; for an operand its label, `RUN`.
  public String flag() {
    return operand() ? label() : "--" + joined("-");
  }

  /// Whether it is an operand, given without a flag.
  public boolean operand() {
    return setting.operand();
  }

  /// Whether the flag may be given several times.
  public boolean repeatable() {
    return kind == SettingType.TEXTS;
  }

  /// Returns the allowed values of a closed choice, as a user writes them; empty for other types.
  public List<String> choices() {
    return SettingType.choices(type);
  }

  /// Returns the placeholder of the value in the help.
  public String label() {
    return setting.label().isEmpty() ? kind.label(type) : setting.label();
  }

  private String joined(String by) {
    return name.replaceAll("([A-Z])", by + "$1").toLowerCase(Locale.ROOT);
  }
}
