package dev.nudge.export;

import dev.nudge.model.family.ModelConfig;
import dev.nudge.settings.RunException;
import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Finds what a config says otherwise than another, component by component.
///
/// Numbers are equal within a part in a million: a file holds them in fp32.
final class ConfigDifference {
  private static final double NEAR = 1e-6;
  private static final Set<String> OTHER =
      Set.of("family", "place", "maxPositionEmbeddings", "eosTokenIds", "padTokenId");

  private final int positions;

  private ConfigDifference(int positions) {
    this.positions = positions;
  }

  /// The first difference, as `layers[3].attention.window is 4096, … 0`; null if both compute the
  /// same.
  ///
  /// @param file what the file says
  /// @param positions most tokens of a text; a sliding window of as many is none
  static @Nullable String of(ModelConfig model, ModelConfig file, int positions) {
    return new ConfigDifference(positions).of("", model, file);
  }

  private @Nullable String of(String path, @Nullable Object a, @Nullable Object b) {
    if (a instanceof Double x && b instanceof Double y) {
      boolean near = Math.abs(x - y) <= NEAR * Math.max(Math.abs(x), Math.abs(y));
      return near ? null : differ(path, a, b);
    }
    if (a instanceof List<?> x && b instanceof List<?> y && x.size() == y.size()) {
      for (int i = 0; i < x.size(); i++) {
        String found = of(path + "[" + i + "]", x.get(i), y.get(i));
        if (found != null) {
          return found;
        }
      }
      return null;
    }
    if (a instanceof Record && b instanceof Record && a.getClass().equals(b.getClass())) {
      for (RecordComponent part : a.getClass().getRecordComponents()) {
        boolean counts = !path.isEmpty() || !OTHER.contains(part.getName());
        String name = path.isEmpty() ? part.getName() : path + "." + part.getName();
        String found = counts ? of(name, value(part, a), value(part, b)) : null;
        if (found != null) {
          return found;
        }
      }
      return null;
    }
    return Objects.equals(a, b) ? null : differ(path, a, b);
  }

  private @Nullable Object value(RecordComponent part, Object of) {
    try {
      Object value = part.getAccessor().invoke(of);
      boolean wide =
          part.getName().equals("window") && value instanceof Integer w && w >= positions;
      return wide ? (Integer) 0 : value;
    } catch (ReflectiveOperationException e) {
      throw new RunException("a config cannot be compared: " + part, e);
    }
  }

  private static String differ(String path, @Nullable Object a, @Nullable Object b) {
    return "%s is %s, and the file would say %s".formatted(path, a, b);
  }
}
