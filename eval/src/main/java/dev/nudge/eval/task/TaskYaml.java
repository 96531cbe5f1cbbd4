package dev.nudge.eval.task;

import dev.nudge.format.OutFolder;
import dev.nudge.settings.InputException;
import java.io.IOException;
import java.math.BigInteger;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.snakeyaml.engine.v2.api.LoadSettings;
import org.snakeyaml.engine.v2.api.lowlevel.Parse;
import org.snakeyaml.engine.v2.events.AliasEvent;
import org.snakeyaml.engine.v2.events.Event;
import org.snakeyaml.engine.v2.events.MappingStartEvent;
import org.snakeyaml.engine.v2.events.ScalarEvent;
import org.snakeyaml.engine.v2.events.SequenceStartEvent;
import org.snakeyaml.engine.v2.exceptions.MarkedYamlEngineException;
import org.snakeyaml.engine.v2.exceptions.YamlEngineException;

/// Reads YAML 1.1 as PyYAML does, which the harness's files are written for: `no` is a boolean,
/// `017` octal and `1e3` a text. [1] Of duplicate keys the last wins, `<<` merges, and `!function`
/// becomes a [PythonFunction].
///
/// Values are maps, lists, strings, `Long` or `BigInteger`, `Double`, `Boolean` and null.
///
/// [1] https://yaml.org/type/
final class TaskYaml {
  private static final Pattern BOOL =
      Pattern.compile("yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF");
  private static final Pattern INT =
      Pattern.compile(
          "[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+"
              + "|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+");
  private static final Pattern FLOAT =
      Pattern.compile(
          "[-+]?[0-9][0-9_]*\\.[0-9_]*(?:[eE][-+][0-9]+)?|\\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
              + "|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+\\.[0-9_]*|[-+]?\\.(?:inf|Inf|INF)"
              + "|\\.(?:nan|NaN|NAN)");
  private static final Pattern NULL = Pattern.compile("~|null|Null|NULL|");
  private static final String STANDARD = "tag:yaml.org,2002:";
  private static final int MOST_DEPTH = 100;
  private static final Object MERGE = new Object();

  private final Path file;
  private final Iterator<Event> events;
  private final Map<String, @Nullable Object> anchors = new HashMap<>();
  private int depth;

  private TaskYaml(Path file, Iterator<Event> events) {
    this.file = file;
    this.events = events;
  }

  /// Reads a YAML file.
  ///
  /// @throws InputException if the file cannot be read, is invalid, or is not a map
  static Map<String, @Nullable Object> read(Path file) {
    String text;
    try {
      text = Files.readString(file);
    } catch (CharacterCodingException e) {
      throw new InputException(file + " is not UTF-8 text", e);
    } catch (IOException e) {
      throw new InputException(file + " cannot be read: " + OutFolder.reason(e), e);
    }
    return read(file, text);
  }

  static Map<String, @Nullable Object> read(Path file, String text) {
    try {
      LoadSettings settings = LoadSettings.builder().setLabel(file.toString()).build();
      Object document =
          new TaskYaml(file, new Parse(settings).parseString(text).iterator()).document();
      if (!(document instanceof Map<?, ?> map)) {
        throw new InputException(file + " holds no keys; a task file has lines such as task: name");
      }
      Map<String, @Nullable Object> keys = new LinkedHashMap<>();
      map.forEach((key, value) -> keys.put(String.valueOf(key), value));
      return keys;
    } catch (MarkedYamlEngineException e) {
      String where =
          e.getProblemMark()
              .map(m -> " line " + (m.getLine() + 1) + ", column " + (m.getColumn() + 1))
              .orElse("");
      throw new InputException(
          file
              + where
              + ": this is not YAML: "
              + String.valueOf(e.getProblem()).lines().findFirst().orElse(""),
          e);
    } catch (YamlEngineException e) {
      throw new InputException(file + ": a character or a part of it is not YAML", e);
    }
  }

  private @Nullable Object document() {
    Event event = events.next();
    while (!starts(event)) {
      if (event.getEventId() == Event.ID.StreamEnd) {
        return null;
      }
      event = events.next();
    }
    return node(event);
  }

  private static boolean starts(Event event) {
    return switch (event.getEventId()) {
      case Scalar, Alias, MappingStart, SequenceStart -> true;
      default -> false;
    };
  }

  private @Nullable Object node(Event event) {
    if (++depth > MOST_DEPTH) {
      throw new InputException(file + ": values stand more than " + MOST_DEPTH + " deep in others");
    }
    Object value =
        switch (event) {
          case ScalarEvent scalar ->
              anchored(scalar.getAnchor().map(Object::toString), scalar(scalar));
          case AliasEvent alias -> {
            String name = alias.getAlias().toString();
            if (!anchors.containsKey(name)) {
              throw new InputException(file + ": undefined alias *" + name);
            }
            yield anchors.get(name);
          }
          case SequenceStartEvent list -> list(list);
          case MappingStartEvent map -> map(map);
          default -> throw new IllegalStateException("event " + event);
        };
    depth--;
    return value;
  }

  private @Nullable Object anchored(java.util.Optional<String> anchor, @Nullable Object value) {
    anchor.ifPresent(name -> anchors.put(name, value));
    return value;
  }

  private Object list(SequenceStartEvent start) {
    List<@Nullable Object> list = new ArrayList<>();
    anchored(start.getAnchor().map(Object::toString), list);
    for (Event event = events.next();
        event.getEventId() != Event.ID.SequenceEnd;
        event = events.next()) {
      list.add(node(event));
    }
    return list;
  }

  private Object map(MappingStartEvent start) {
    Map<@Nullable Object, @Nullable Object> own = new LinkedHashMap<>();
    Map<@Nullable Object, @Nullable Object> merged = new LinkedHashMap<>();
    Map<@Nullable Object, @Nullable Object> all = new LinkedHashMap<>();
    anchored(start.getAnchor().map(Object::toString), all);
    for (Event event = events.next();
        event.getEventId() != Event.ID.MappingEnd;
        event = events.next()) {
      Object key = isMerge(event) ? MERGE : node(event);
      Object value = node(events.next());
      if (key == MERGE) {
        merge(value, merged);
      } else {
        own.put(key, value);
      }
    }
    all.putAll(merged);
    all.putAll(own);
    return all;
  }

  private static boolean isMerge(Event event) {
    return event instanceof ScalarEvent scalar
        && scalar.isPlain()
        && scalar.getValue().equals("<<");
  }

  private void merge(@Nullable Object from, Map<@Nullable Object, @Nullable Object> into) {
    List<?> maps =
        from instanceof List<?> list ? list.reversed() : java.util.Collections.singletonList(from);
    for (Object map : maps) {
      if (!(map instanceof Map<?, ?> entries)) {
        throw new InputException(file + ": << needs a map");
      }
      into.putAll(entries);
    }
  }

  private @Nullable Object scalar(ScalarEvent event) {
    String text = event.getValue();
    String tag = event.getTag().orElse("");
    if (tag.equals("!function")) {
      return new PythonFunction(text.strip());
    }
    if (tag.isEmpty() || tag.equals("!")) {
      return event.isPlain() && tag.isEmpty() ? plain(text) : text;
    }
    return switch (tag) {
      case STANDARD + "str" -> text;
      case STANDARD + "int" -> whole(text);
      case STANDARD + "float" -> real(text);
      case STANDARD + "bool" -> truth(text);
      case STANDARD + "null" -> null;
      default ->
          throw new InputException(
              "%s: the tag %s is not known; task files have !function alone"
                  .formatted(file, tag.replace(STANDARD, "!!")));
    };
  }

  /// Resolves a plain scalar.
  static @Nullable Object plain(String text) {
    if (BOOL.matcher(text).matches()) {
      return truth(text);
    }
    if (FLOAT.matcher(text).matches()) {
      return real(text);
    }
    if (INT.matcher(text).matches()) {
      return whole(text);
    }
    return NULL.matcher(text).matches() ? null : text;
  }

  private static boolean truth(String text) {
    return switch (text.toLowerCase(Locale.ROOT)) {
      case "yes", "true", "on" -> true;
      default -> false;
    };
  }

  private static Object whole(String text) {
    String digits = text.replace("_", "");
    boolean negative = digits.startsWith("-");
    digits = negative || digits.startsWith("+") ? digits.substring(1) : digits;
    BigInteger value;
    if (digits.startsWith("0b")) {
      value = new BigInteger(digits.substring(2), 2);
    } else if (digits.startsWith("0x")) {
      value = new BigInteger(digits.substring(2), 16);
    } else if (digits.indexOf(':') >= 0) {
      value = BigInteger.ZERO;
      for (String part : digits.split(":", -1)) {
        value = value.multiply(BigInteger.valueOf(60)).add(new BigInteger(part));
      }
    } else {
      boolean octal = digits.length() > 1 && digits.startsWith("0");
      value = new BigInteger(digits, octal ? 8 : 10);
    }
    value = negative ? value.negate() : value;
    return value.bitLength() < Long.SIZE ? (Object) value.longValue() : value;
  }

  private static double real(String text) {
    String digits = text.replace("_", "").toLowerCase(Locale.ROOT);
    int sign = digits.startsWith("-") ? -1 : 1;
    digits = digits.startsWith("-") || digits.startsWith("+") ? digits.substring(1) : digits;
    if (digits.equals(".inf")) {
      return sign * Double.POSITIVE_INFINITY;
    }
    if (digits.equals(".nan")) {
      return Double.NaN;
    }
    double value = 0;
    for (String part : digits.split(":", -1)) {
      value = value * 60 + Double.parseDouble(part);
    }
    return sign * value;
  }

  /// Formats a value for a message.
  static String shown(@Nullable Object value) {
    return value instanceof PythonFunction function
        ? "!function " + function.name()
        : Objects.toString(value);
  }
}
