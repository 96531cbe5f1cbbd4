package dev.nudge.server;

import dev.nudge.constrain.Constraint;
import dev.nudge.format.Json;
import dev.nudge.generate.Serving;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Fields;
import dev.nudge.settings.Bytes;
import dev.nudge.settings.InputException;
import java.util.IdentityHashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Structured output: reads OpenAI's `response_format` and vLLM's `guided_…` and
/// `structured_outputs`. Compiled constraints are cached for later requests.
///
/// Memory has three equal limits, each an eighth of the heap: for the compiled constraints of
/// running requests, for their cached states and masks, and for idle constraints, which no running
/// request uses. Few compile at once; the compiler limits the size of one.
///
/// Threading: any number of threads.
public final class Constraints {
  private static final int LONGEST = 1 << 18; // characters of a schema
  private static final long PATIENCE = 10; // seconds for a compile slot
  private static final long LEAST_ROOM = 16L << 20;
  private static final long MOST_ROOM = 256L << 20;
  private static final int MOST_KNOWN = 4096; // constraints
  private static final int OBJECTS = 8192; // bytes without its states
  private static final String ANY_OBJECT = "{\"type\":\"object\"}";

  private final Serving serving;
  private final long room = Math.clamp(Runtime.getRuntime().maxMemory() / 8, LEAST_ROOM, MOST_ROOM);
  private final Semaphore compiling =
      new Semaphore(Math.max(1, Runtime.getRuntime().availableProcessors() / 4), true);
  private final Map<Key, Constraint> known = new LinkedHashMap<>(16, 0.75f, true); // oldest first
  private final Map<Constraint, Integer> running = new IdentityHashMap<>(); // requests of each

  private record Key(boolean schema, String text, @Nullable Integer turnEnd) {}

  Constraints(Serving serving) {
    this.serving = serving;
  }

  /// Reads the constraint of a request; null: none.
  ///
  /// @throws ApiException if the constraint is malformed or unsupported
  @Nullable Constraint of(Fields fields, @Nullable Integer turnEnd) {
    String schema = schema(fields);
    return schema == null ? guided(fields, turnEnd) : schema("response_format", schema, turnEnd);
  }

  /// The JSON schema of `response_format`; null: none.
  static @Nullable String schema(Fields fields) {
    ObjectNode format = fields.object("response_format");
    if (format == null) {
      return null;
    }
    String type = new Fields(format).needed("type");
    return switch (type) {
      case "text" -> null;
      case "json_object" -> ANY_OBJECT;
      case "json_schema" -> {
        JsonNode schema = format.path("json_schema").path("schema");
        if (!schema.isObject()) {
          throw ApiException.wrong(
              "response_format", "'response_format' has no json_schema.schema that is an object");
        }
        yield Json.line(schema);
      }
      default ->
          throw ApiException.wrong(
              "response_format",
              "'response_format' has the type '%s'; known are text, json_object, json_schema"
                  .formatted(ApiException.shown(type)));
    };
  }

  /// Reads the constraint in vLLM's fields; null: none.
  @Nullable Constraint guided(Fields fields, @Nullable Integer turnEnd) {
    ObjectNode outputs = fields.object("structured_outputs");
    return outputs == null
        ? guided(fields, "guided_", turnEnd)
        : guided(new Fields(outputs), "", turnEnd);
  }

  private @Nullable Constraint guided(Fields fields, String prefix, @Nullable Integer turnEnd) {
    JsonNode json = fields.node(prefix + "json");
    if (json != null) {
      String text = json.isString() ? json.stringValue() : Json.line(json);
      return schema(prefix + "json", text, turnEnd);
    }
    String regex = fields.text(prefix + "regex");
    List<String> choices = fields.texts(prefix + "choice");
    if (regex == null && choices.isEmpty()) {
      return null;
    }
    String name = prefix + (regex == null ? "choice" : "regex");
    String pattern =
        regex == null
            ? choices.stream().map(Constraints::quoted).collect(Collectors.joining("|"))
            : regex;
    return get(name, new Key(false, pattern, turnEnd));
  }

  private static String quoted(String text) {
    return Pattern.compile("[\\\\.\\[\\]{}()*+?^$|/-]").matcher(text).replaceAll("\\\\$0");
  }

  /// Compiles a JSON schema.
  ///
  /// @param field of the request with the schema, for messages
  Constraint schema(String field, String schema, @Nullable Integer turnEnd) {
    return get(field, new Key(true, schema, turnEnd));
  }

  private Constraint get(String field, Key key) {
    if (key.text.length() > LONGEST) {
      throw ApiException.wrong(field, "'%s' has more than %d characters".formatted(field, LONGEST));
    }
    Constraint made = known(key);
    if (made != null) {
      return made;
    }
    try {
      if (!compiling.tryAcquire(PATIENCE, TimeUnit.SECONDS)) {
        throw busy("too many constraints are being compiled; retry later");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw ApiException.stopping();
    }
    try {
      made = known(key); // by an earlier request
      return made == null ? keep(field, key, compiled(key)) : made;
    } catch (InputException e) {
      throw ApiException.wrong(field, "'%s': %s".formatted(field, e.getMessage()));
    } finally {
      compiling.release();
    }
  }

  private Constraint compiled(Key key) {
    return key.schema
        ? serving.jsonSchema(key.text, key.turnEnd)
        : serving.regex(key.text, key.turnEnd);
  }

  private synchronized @Nullable Constraint known(Key key) {
    return known.get(key);
  }

  private synchronized Constraint keep(String field, Key key, Constraint made) {
    if (made.bytes() > room) {
      throw ApiException.wrong(
          field,
          "'%s' takes %s when it is compiled, the limit is %s; use smaller lengths and counts"
              .formatted(field, Bytes.shown(made.bytes()), Bytes.shown(room)));
    }
    known.put(key, made);
    forget();
    return made;
  }

  /// Evicts the least recently used idle constraints.
  private void forget() {
    long idle = 0;
    for (Map.Entry<Key, Constraint> one : known.entrySet()) {
      idle += running.containsKey(one.getValue()) ? 0 : bytes(one);
    }
    Iterator<Map.Entry<Key, Constraint>> all = known.entrySet().iterator();
    while ((idle > room || known.size() > MOST_KNOWN) && all.hasNext()) {
      Map.Entry<Key, Constraint> oldest = all.next();
      if (!running.containsKey(oldest.getValue())) {
        idle -= bytes(oldest);
        all.remove();
      }
    }
  }

  private static long bytes(Map.Entry<Key, Constraint> known) {
    Constraint constraint = known.getValue();
    return constraint.bytes()
        + constraint.cachedBytes()
        + Character.BYTES * (long) known.getKey().text.length()
        + OBJECTS;
  }

  /// Marks a constraint as running until it is closed.
  ///
  /// @param constraint null: none
  /// @throws ApiException if the running ones exceed the limit
  public synchronized Use use(@Nullable Constraint constraint) {
    if (constraint == null) {
      return () -> {};
    }
    if (!running.containsKey(constraint)) {
      long others = running.keySet().stream().mapToLong(Constraint::bytes).sum();
      if (others + constraint.bytes() > room) {
        throw busy(
            "the constraints of running requests take %s, the limit is %s; retry later"
                .formatted(Bytes.shown(others), Bytes.shown(room)));
      }
    }
    running.merge(constraint, 1, Integer::sum);
    share();
    return () -> end(constraint);
  }

  private synchronized void end(Constraint constraint) {
    running.computeIfPresent(constraint, (_, n) -> n == 1 ? null : n - 1);
    share();
    forget();
  }

  private void share() {
    running.keySet().forEach(one -> one.limitCache(room / running.size()));
  }

  private static ApiException busy(String message) {
    return ApiException.busy("queue_full", 1, message);
  }

  /// A use of a constraint by a request.
  public interface Use extends AutoCloseable {
    @Override
    void close();
  }
}
