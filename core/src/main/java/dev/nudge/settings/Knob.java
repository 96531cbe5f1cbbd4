package dev.nudge.settings;

import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.Locale;

/// One setting as commands, files and help see it; made from an annotated record component.
///
/// @param name the component's name, `batchSize`
/// @param group heading in the help; empty for the settings that stand first
/// @param kind which values it takes
/// @param type the component's class
/// @param setting help, default and the rest
public record Knob(String name, String group, SettingType kind, Class<?> type, Setting setting) {

  static Knob of(RecordComponent component, String group, Setting setting) {
    Class<?> type = component.getType();
    return new Knob(component.getName(), group, SettingType.of(type), type, setting);
  }

  /// The YAML key, `batch_size`.
  public String key() {
    return joined("_");
  }

  /// The flag, `--batch-size`; of an operand what stands for it, `RUN`.
  public String flag() {
    return operand() ? label() : "--" + joined("-");
  }

  /// Whether its values stand on the command line without a flag.
  public boolean operand() {
    return setting.operand();
  }

  /// Whether the flag may be given several times.
  public boolean repeatable() {
    return kind == SettingType.TEXTS;
  }

  /// The values of a closed choice, as a user writes them; empty for all other kinds.
  public List<String> choices() {
    return SettingType.choices(type);
  }

  /// What stands for the value in the help.
  public String label() {
    return setting.label().isEmpty() ? kind.label(type) : setting.label();
  }

  private String joined(String by) {
    return name.replaceAll("([A-Z])", by + "$1").toLowerCase(Locale.ROOT);
  }
}
