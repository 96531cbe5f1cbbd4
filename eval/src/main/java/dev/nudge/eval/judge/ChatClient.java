package dev.nudge.eval.judge;

import dev.nudge.format.Json;
import dev.nudge.format.Untrusted;
import dev.nudge.settings.RunException;
import dev.nudge.settings.Secret;
import java.io.IOException;
import java.net.ConnectException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/// Client of an OpenAI-compatible chat completions endpoint, with retries.
///
/// It retries with backoff, or after the server's `Retry-After`: rate limits (429), server errors,
/// timeouts and broken responses. An untrusted certificate fails at once. It follows no redirect,
/// because the API key is only for this address. An optional setting that the server rejects by
/// name is left out from then on. The key never appears in shown or stored text.
///
/// Threading: any number of threads.
final class ChatClient implements AutoCloseable {
  static final String PATH = "/chat/completions";

  private static final Duration CONNECT = Duration.ofSeconds(20);
  private static final int MOST = 4 << 20; // bytes of an answer
  private static final int SHOWN = 300; // characters of a server's message
  private static final Set<Integer> PASSING = Set.of(408, 425, 429, 500, 502, 503, 504, 529);
  private static final Pattern THIS_ONE =
      Pattern.compile(
          "(?i)context.?(length|window|size)|content.?(filter|policy)|too (long|large)");

  /// Optional request settings, sent until the server rejects them.
  private static final Map<String, Object> WISHES = Map.of("temperature", 0, "max_tokens", 4096);

  private final HttpClient http =
      HttpClient.newBuilder()
          .version(HttpClient.Version.HTTP_1_1)
          .connectTimeout(CONNECT)
          .followRedirects(HttpClient.Redirect.NEVER)
          .build();
  private final URI address;
  private final String model;
  private final @Nullable String key;
  private final Patience patience;
  private final Set<String> refused = ConcurrentHashMap.newKeySet(); // rejected wishes

  ChatClient(URI address, String model, @Nullable String key, Patience patience) {
    this.address = address;
    this.model = model;
    this.key = key;
    this.patience = patience;
  }

  /// The result of one HTTP request.
  private sealed interface Came {
    record Answer(Judge.Reply reply) implements Came {}

    /// @param pause the server's `Retry-After`; null: none
    record Trouble(String what, @Nullable Duration pause) implements Came {}

    /// A setting was rejected and is now left out.
    record Otherwise() implements Came {}
  }

  /// Sends one user message and returns the reply.
  ///
  /// @throws RunException if all tries fail
  Judge.Reply ask(String message) throws InterruptedException {
    for (int failures = 1; ; failures++) {
      Came came = once(message);
      while (came instanceof Came.Otherwise) {
        came = once(message);
      }
      if (came instanceof Came.Answer answer) {
        return answer.reply();
      }
      Came.Trouble trouble = (Came.Trouble) came;
      Duration wait = Objects.requireNonNullElse(trouble.pause(), patience.after(failures));
      if (failures >= patience.tries()) {
        throw new RunException(
            "the judge %s %s, %d times; try again later"
                .formatted(address, trouble.what(), failures));
      }
      if (wait.compareTo(patience.longest()) > 0) {
        throw new RunException(
            String.format(
                Locale.ROOT,
                "the judge %s %s and asks to wait for %,d seconds; try again then",
                address,
                trouble.what(),
                wait.toSeconds()));
      }
      Thread.sleep(wait);
    }
  }

  private Came once(String message) throws InterruptedException {
    Set<String> left = Set.copyOf(refused);
    HttpRequest.Builder request =
        HttpRequest.newBuilder(address)
            .timeout(patience.answer())
            .header("Content-Type", "application/json")
            .POST(BodyPublishers.ofString(body(message, left)));
    if (key != null) {
      request.header("Authorization", "Bearer " + key);
    }
    Future<HttpResponse<byte[]>> sent =
        http.sendAsync(request.build(), BodyHandlers.limiting(BodyHandlers.ofByteArray(), MOST));
    try {
      HttpResponse<byte[]> answer =
          sent.get(patience.answer().toMillis(), TimeUnit.MILLISECONDS); // including the body
      return read(answer, left);
    } catch (TimeoutException e) {
      return new Came.Trouble("does not answer in time", null);
    } catch (ExecutionException e) {
      if (e.getCause() instanceof IOException cause) {
        String untrusted = Untrusted.why(cause);
        if (untrusted != null) { // a retry will not change it
          throw new RunException(
              "the judge %s cannot be reached: %s".formatted(address, untrusted), cause);
        }
      }
      return new Came.Trouble(reason(e.getCause()), null);
    } finally {
      sent.cancel(true);
    }
  }

  private String body(String message, Set<String> left) {
    Map<String, Object> body = new LinkedHashMap<>();
    body.put("model", model);
    body.put("messages", List.of(Map.of("role", "user", "content", message)));
    WISHES.forEach(
        (name, value) -> {
          if (!left.contains(name)) {
            body.put(name, value);
          }
        });
    return Json.line(body);
  }

  private String reason(@Nullable Throwable cause) {
    if (cause instanceof java.net.http.HttpConnectTimeoutException
        || cause instanceof ConnectException) {
      return "cannot be reached";
    }
    if (cause instanceof java.net.http.HttpTimeoutException) {
      return "does not answer in time";
    }
    String why = cause instanceof IOException ? cause.getMessage() : String.valueOf(cause);
    return "cannot be talked to" + (why == null ? "" : " (" + shown(why) + ")");
  }

  /// @param left settings that were left out of the request
  private Came read(HttpResponse<byte[]> answer, Set<String> left) {
    int status = answer.statusCode();
    String text = new String(answer.body(), StandardCharsets.UTF_8);
    JsonNode body = parsed(text);
    if (status == 200) {
      JsonNode first = body == null ? null : body.path("choices").path(0);
      return first == null || !first.has("message")
          ? new Came.Trouble(
              "answers with something else than a chat completion"
                  + (text.isBlank() ? "" : ": " + shown(text)),
              null)
          : new Came.Answer(reply(first));
    }
    String said = said(body, text);
    String what = "answers %d%s".formatted(status, said.isEmpty() ? "" : ": " + said);
    if (PASSING.contains(status)) {
      return new Came.Trouble(what, pause(answer));
    }
    boolean ours = status == 400 || status == 422;
    if (ours) {
      for (String name : WISHES.keySet()) {
        if (!left.contains(name) && text.contains(name)) {
          refused.add(name);
          return new Came.Otherwise();
        }
      }
    }
    if (status == 413 || (ours && THIS_ONE.matcher(text).find())) {
      return new Came.Answer(new Judge.Reply(null, "not answered: the server " + what));
    }
    throw new RunException("the judge %s %s%s".formatted(address, what, hint(answer)));
  }

  private static String hint(HttpResponse<byte[]> answer) {
    int status = answer.statusCode();
    return switch (status) {
      case 401, 403 -> "; give a key that may do this by --judge-key-file";
      case 404, 405 ->
          "; is it the address of the server's chat completions, and --judge-model one of its"
              + " models?";
      default ->
          status / 100 == 3
              ? "; it sends to %s, and the key is not sent there: give the right address as --judge"
                  .formatted(
                      Secret.hidden(answer.headers().firstValue("Location").orElse("nowhere")))
              : "";
    };
  }

  private Judge.Reply reply(JsonNode first) {
    JsonNode content = first.path("message").path("content");
    String why = first.path("finish_reason").asString("unknown");
    if (!content.isString()) {
      return new Judge.Reply(null, "no text (finish_reason " + hidden(why) + ")");
    }
    String said = hidden(content.stringValue());
    boolean cut = why.equals("length"); // its last line is not the verdict
    return new Judge.Reply(cut ? null : Choice.read(said), said);
  }

  private String said(@Nullable JsonNode body, String text) {
    if (body == null) {
      return shown(text);
    }
    JsonNode error = body.path("error");
    String message = error.isString() ? error.stringValue() : error.path("message").asString("");
    return shown(message.isEmpty() ? body.path("message").asString(text) : message);
  }

  private static @Nullable JsonNode parsed(String text) {
    try {
      JsonNode json = Json.parse(text);
      return json.isObject() ? json : null;
    } catch (JacksonException e) {
      return null;
    }
  }

  /// Returns the `Retry-After` of a response: seconds, or until a date.
  private static @Nullable Duration pause(HttpResponse<?> answer) {
    String given = answer.headers().firstValue("Retry-After").orElse("").strip();
    try {
      if (given.matches("\\d{1,9}(\\.\\d{1,9})?")) {
        return Duration.ofMillis((long) (1000 * Double.parseDouble(given)));
      }
      ZonedDateTime date = ZonedDateTime.parse(given, DateTimeFormatter.RFC_1123_DATE_TIME);
      Duration wait = Duration.between(Instant.now(), date.toInstant());
      return wait.isNegative() ? Duration.ZERO : wait;
    } catch (DateTimeParseException e) {
      return null;
    }
  }

  /// Returns a server's error text on one line, without the key.
  private String shown(String text) {
    String line = Secret.hidden(hidden(text)).replaceAll("[\\s\\p{Cntrl}]+", " ").strip();
    return line.length() > SHOWN ? line.substring(0, SHOWN - 1) + "…" : line;
  }

  private String hidden(String text) {
    return key == null ? text : text.replace(key, "***");
  }

  @Override
  public void close() {
    http.shutdownNow();
    http.close();
  }

  /// Timeout and retry policy of requests to a server.
  ///
  /// @param answer timeout of one request, to the last byte
  /// @param first backoff after the first failure; doubles each time
  /// @param longest longest `Retry-After` that is honoured
  /// @param tries attempts per question
  record Patience(Duration answer, Duration first, Duration longest, int tries) {
    static final Patience USUAL =
        new Patience(Duration.ofMinutes(5), Duration.ofSeconds(1), Duration.ofMinutes(2), 6);

    /// Returns the backoff after `failures` failures.
    Duration after(int failures) {
      Duration wait = first.multipliedBy(1L << Math.min(failures - 1, 20));
      return wait.compareTo(longest) > 0 ? longest : wait;
    }
  }
}
