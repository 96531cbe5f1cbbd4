package dev.nudge.spark;

import dev.nudge.settings.Schema;
import dev.nudge.settings.SettingComponent;
import dev.nudge.settings.SettingType;
import dev.nudge.settings.train.TrainSettings;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// Makes the paths of settings absolute, as executors have other working folders than the driver.
final class SharedPaths {
  private SharedPaths() {}

  /// Returns the same settings with absolute paths.
  static TrainSettings of(TrainSettings settings) {
    Map<String, Object> values = given(settings);
    absolute(TrainSettings.class, values);
    for (String key : List.of("data", "eval_data", "replay", "reward_jar")) {
      values.computeIfPresent(key, (_, rows) -> each(rows, false));
    }
    values.computeIfPresent("mixture", (_, parts) -> each(parts, true));
    values.computeIfPresent("reward", (_, rewards) -> judges(rewards));
    return TrainSettings.of(values);
  }

  /// Returns the values of any settings, with absolute paths.
  static <S extends Record> Map<String, Object> of(Class<S> type, S settings) {
    Map<String, Object> values = new LinkedHashMap<>();
    Schema.of(type)
        .values(settings)
        .forEach(
            (key, value) -> {
              if (value != null) {
                values.put(key, value);
              }
            });
    absolute(type, values);
    for (String key : List.of("template", "tasks", "tasks_dir")) { // names or paths
      values.computeIfPresent(
          key,
          (_, given) ->
              given instanceof List<?> all
                  ? all.stream().map(one -> existing(one.toString())).toList()
                  : existing(given.toString()));
    }
    return values;
  }

  private static String existing(String text) {
    try {
      Path path = Path.of(text);
      return Files.exists(path) ? path.toAbsolutePath().toString() : text;
    } catch (InvalidPathException e) {
      return text;
    }
  }

  private static void absolute(Class<? extends Record> type, Map<String, Object> values) {
    for (SettingComponent knob : Schema.of(type).knobs()) {
      if (knob.kind() == SettingType.PATH) {
        values.computeIfPresent(
            knob.key(), (_, path) -> Path.of(path.toString()).toAbsolutePath().toString());
      }
    }
  }

  /// Returns the explicitly given settings, by key.
  static Map<String, Object> given(TrainSettings settings) {
    Map<String, @Nullable Object> values = new LinkedHashMap<>(settings.values());
    values.keySet().retainAll(settings.given().keys());
    Map<String, Object> given = new LinkedHashMap<>();
    values.forEach(
        (key, value) -> {
          if (value != null) {
            given.put(key, value);
          }
        });
    return given;
  }

  /// Makes the paths in rewards absolute; a path follows the kind: `json:schema.json`.
  private static Object judges(Object rewards) {
    return rewards instanceof List<?> all
        ? all.stream().map(one -> judge(Objects.toString(one))).toList()
        : judge(rewards.toString());
  }

  private static String judge(String reward) {
    int afterKind = reward.indexOf(':') + 1;
    return List.of("json:", "adapter:").contains(reward.substring(0, afterKind))
        ? reward.substring(0, afterKind) + absolute(reward.substring(afterKind), false)
        : reward;
  }

  private static Object each(Object rows, boolean withAmount) {
    return rows instanceof List<?> all
        ? all.stream().map(one -> absolute(Objects.toString(one), withAmount)).toList()
        : absolute(rows.toString(), withAmount);
  }

  /// @param withAmount whether a suffix such as `=30%` may follow
  private static String absolute(String text, boolean withAmount) {
    int end = withAmount ? text.lastIndexOf('=') : text.length();
    if (end < 0) {
      return text;
    }
    String path = text.substring(0, end);
    try {
      boolean file = Files.exists(Path.of(path)) || path.matches("[^\\s:]*[*?\\[{][^\\s:]*");
      return file ? Path.of("").toAbsolutePath().resolve(path) + text.substring(end) : text;
    } catch (InvalidPathException e) {
      return text; // a query, or an error that the run reports
    }
  }
}
