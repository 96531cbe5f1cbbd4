package dev.nudge.settings;

import java.lang.reflect.Constructor;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// Derives flags, keys and help from a settings record, and makes the record from values.
///
/// Each component is a [Setting], a nested record under a [Group], whose settings have flat names
/// as the record's own, or a [Given], which receives the keys that were given.
///
/// The record stays a plain value: its constructor may be called too, and validates the values.
public final class Schema<S extends Record> {
  private final Class<S> type;
  private final Map<String, SettingComponent> knobs = new LinkedHashMap<>(); // by key

  private Schema(Class<S> type) {
    this.type = type;
    collect(type, "");
  }

  /// Reads the annotations of a settings record.
  public static <S extends Record> Schema<S> of(Class<S> type) {
    return new Schema<>(type);
  }

  /// Lists the settings in the order of the record.
  public List<SettingComponent> knobs() {
    return List.copyOf(knobs.values());
  }

  /// Lists the settings of [First], which help shows before all others; empty without it.
  public List<SettingComponent> first() {
    First first = type.getAnnotation(First.class);
    return first == null
        ? List.of()
        : Stream.of(first.value().split(" "))
            .map(key -> Objects.requireNonNull(knobs.get(key), key))
            .toList();
  }

  /// Makes the record: the last layer with a key wins, defaults fill the rest.
  ///
  /// A layer that sets one of two exclusive settings (`steps`, `epochs`) also overrides the other
  /// one of an earlier layer; if one layer sets both, the record refuses them.
  public S read(List<Layer> layers) {
    Map<String, Object> values = new LinkedHashMap<>();
    Map<String, Layer> sources = new LinkedHashMap<>();
    for (Layer layer : layers) {
      Map<String, Object> own = readLayer(layer);
      values.keySet().removeIf(key -> isExcluded(key, own));
      values.putAll(own);
      own.keySet().forEach(key -> sources.put(key, layer));
    }
    requireAll(values);
    Given given = new Given(values.keySet());
    for (SettingComponent knob : knobs.values()) {
      Setting setting = knob.setting();
      if (!setting.byDefault().isEmpty() && !given.contains(setting.unless())) {
        String text = byDefault(setting, values);
        values.computeIfAbsent(knob.key(), _ -> knob.kind().read(knob, text, Layer.of(Map.of())));
      }
    }
    try {
      return make(type, values, given);
    } catch (InputException e) {
      throw located(e, sources);
    }
  }

  /// Makes the record from values of Java code by key, such as `Map.of("rank", 8)`.
  public S of(Map<String, ?> values) {
    return read(List.of(Layer.of(values)));
  }

  /// Returns a copy with some values changed. All checks run again.
  public S with(S settings, Map<String, ?> changes) {
    Map<String, Object> kept = new LinkedHashMap<>();
    @Nullable Given given = given(settings);
    walk(
        settings,
        (knob, value) -> {
          if (value != null && (given == null || given.contains(knob.key()))) {
            kept.put(knob.key(), value);
          }
        });
    return read(List.of(Layer.of(kept), Layer.of(changes)));
  }

  /// Returns the settings as plain values by key: numbers, booleans, text and lists, null if unset.
  public Map<String, @Nullable Object> values(S settings) {
    Map<String, @Nullable Object> plain = new LinkedHashMap<>();
    walk(settings, (knob, value) -> plain.put(knob.key(), knob.kind().plain(value)));
    return plain;
  }

  private void collect(Class<?> record, String heading) {
    String group = heading;
    for (RecordComponent component : record.getRecordComponents()) {
      Setting setting = component.getAnnotation(Setting.class);
      Group named = component.getAnnotation(Group.class);
      group = named == null ? group : named.value();
      if (setting != null) {
        SettingComponent knob = SettingComponent.of(component, group, setting);
        if (knobs.put(knob.key(), knob) != null) {
          throw new IllegalArgumentException(type + " has " + knob.key() + " twice");
        }
      } else if (named != null) {
        collect(component.getType(), group);
      } else if (component.getType() != Given.class) {
        throw new IllegalArgumentException(component + " is neither a setting nor a group");
      }
    }
  }

  private static String byDefault(Setting setting, Map<String, Object> values) {
    for (int i = 0; i < setting.when().length; i++) {
      if (Stream.of(setting.when()[i].split("&")).allMatch(choice -> holds(choice, values))) {
        return setting.thenDefault()[i];
      }
    }
    return setting.byDefault();
  }

  /// Whether a condition `key=value` or `key=one|other` holds; its setting precedes those that
  /// depend on it.
  private static boolean holds(String choice, Map<String, Object> values) {
    int at = choice.indexOf('=');
    Object value = at < 0 ? null : values.get(choice.substring(0, at));
    return value != null
        && List.of(choice.substring(at + 1).split("\\|")).contains(SettingType.written(value));
  }

  private Map<String, Object> readLayer(Layer layer) {
    checkKnown(layer);
    Map<String, Object> read = new LinkedHashMap<>();
    layer
        .values()
        .forEach(
            (key, raw) -> {
              SettingComponent knob = Objects.requireNonNull(knobs.get(key));
              if (raw != null) {
                read.put(key, knob.kind().read(knob, raw, layer));
              } else if (knob.setting().required() || !knob.setting().byDefault().isEmpty()) {
                throw new InputException(
                    layer.name(knob) + " has no value; it must be " + knob.kind().expected());
              }
            });
    return read;
  }

  /// Names all unknown keys at once.
  private void checkKnown(Layer layer) {
    List<String> unknown = new ArrayList<>(layer.values().keySet());
    unknown.removeAll(knobs.keySet());
    if (!unknown.isEmpty()) {
      String file = layer.file() == null ? "" : layer.file() + ": ";
      throw new InputException(file + OtherNames.unknownKeys(unknown, knobs.keySet()));
    }
  }

  private boolean isExcluded(String key, Map<String, Object> by) {
    return !by.containsKey(key)
        && knobs.values().stream()
            .anyMatch(
                knob -> {
                  String other = knob.setting().unless();
                  return knob.key().equals(key) && by.containsKey(other)
                      || other.equals(key) && by.containsKey(knob.key());
                });
  }

  private void requireAll(Map<String, Object> values) {
    List<String> missing =
        knobs.values().stream()
            .filter(knob -> knob.setting().required() && !values.containsKey(knob.key()))
            .map(SettingComponent::flag)
            .toList();
    if (!missing.isEmpty()) {
      String verb = missing.size() == 1 ? " is missing; it is" : " are missing; they are";
      throw new InputException(Nearest.joined(missing, "and") + verb + " required");
    }
  }

  private <R> R make(Class<R> record, Map<String, Object> values, Given given) {
    RecordComponent[] components = record.getRecordComponents();
    Class<?>[] types =
        Arrays.stream(components).map(RecordComponent::getType).toArray(Class[]::new);
    List<@Nullable Object> arguments = new ArrayList<>();
    for (RecordComponent component : components) {
      Setting setting = component.getAnnotation(Setting.class);
      if (setting != null) {
        arguments.add(argument(SettingComponent.of(component, "", setting), values));
      } else {
        boolean nested = component.isAnnotationPresent(Group.class);
        arguments.add(nested ? make(component.getType(), values, given) : given);
      }
    }
    try {
      Constructor<R> canonical = record.getDeclaredConstructor(types);
      canonical.setAccessible(true); // the command's records may be package-private
      return canonical.newInstance(arguments.toArray());
    } catch (InvocationTargetException e) {
      if (e.getCause() instanceof InputException wrong) {
        throw wrong;
      }
      throw new IllegalStateException("the constructor of " + record + " failed", e);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(record + " cannot be made", e);
    }
  }

  private static @Nullable Object argument(SettingComponent knob, Map<String, Object> values) {
    @Nullable Object value = values.get(knob.key());
    if (value == null && knob.type() == boolean.class) {
      return false;
    }
    return value == null && knob.kind() == SettingType.TEXTS ? List.of() : value;
  }

  /// Adds the file's name to the message about a value from a file.
  private InputException located(InputException e, Map<String, Layer> sources) {
    for (Map.Entry<String, Layer> source : sources.entrySet()) {
      SettingComponent knob = knobs.get(source.getKey());
      String message = String.valueOf(e.getMessage());
      if (source.getValue().file() != null
          && knob != null
          && message.startsWith(knob.flag() + " ")) {
        return new InputException(message + " (in " + source.getValue().file() + ")", e);
      }
    }
    return e;
  }

  private static @Nullable Given given(Record settings) {
    for (RecordComponent component : settings.getClass().getRecordComponents()) {
      if (component.getType() == Given.class) {
        return (Given) valueOf(component, settings);
      }
    }
    return null;
  }

  private static void walk(Record settings, BiConsumer<SettingComponent, @Nullable Object> each) {
    for (RecordComponent component : settings.getClass().getRecordComponents()) {
      Setting setting = component.getAnnotation(Setting.class);
      @Nullable Object value = valueOf(component, settings);
      if (setting != null) {
        each.accept(SettingComponent.of(component, "", setting), value);
      } else if (value instanceof Record nested && !(value instanceof Given)) {
        walk(nested, each);
      }
    }
  }

  private static @Nullable Object valueOf(RecordComponent component, Record settings) {
    try {
      Method accessor = component.getAccessor();
      accessor.setAccessible(true);
      return accessor.invoke(settings);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(component + " cannot be read", e);
    }
  }
}
