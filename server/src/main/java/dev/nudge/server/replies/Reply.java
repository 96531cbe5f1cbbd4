package dev.nudge.server.replies;

import dev.nudge.generate.AnswerEvent;
import dev.nudge.generate.Completion;
import dev.nudge.generate.TokenLogprob;
import dev.nudge.generate.Usage;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Heading;
import dev.nudge.server.http.Sse;
import java.io.IOException;
import java.util.List;
import java.util.Objects;
import java.util.function.IntFunction;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/// Writes the HTTP response of a generation: one JSON object at the end, or a stream of events. A
/// subclass maps the events of answers to the fields of its format.
///
/// A stream starts with the first text, so an earlier failure still has an HTTP status of its own,
/// or after [Sse#QUIET_NANOS], so that proxies do not time out.
///
/// Threading: the thread of the request.
public abstract sealed class Reply permits ChatReply, CompletionReply, ResponseReply {
  final Exchange exchange;
  final Heading heading;
  private final Form form;
  private final String chunk; // type of the objects of a stream
  private final @Nullable Completion[] completions; // of each choice that has ended
  private final long made = System.nanoTime();
  private @Nullable Sse sse;

  /// A response's form.
  ///
  /// @param n number of choices
  /// @param stream as events
  /// @param usage whether a stream ends with a usage chunk
  public record Form(int n, boolean stream, boolean usage) {}

  Reply(Exchange exchange, Heading heading, Form form, String chunk) {
    this.exchange = exchange;
    this.heading = heading;
    this.form = form;
    this.chunk = chunk;
    this.completions = new Completion[form.n];
  }

  /// Writes an event, repeated for `copies` adjacent choices.
  public final void take(AnswerEvent event, int copies) throws IOException {
    for (int copy = 0; copy < copies; copy++) {
      switch (event) {
        case AnswerEvent.Prompted(int choice, List<TokenLogprob> tokens) ->
            prompt(choice * copies + copy, tokens);
        case AnswerEvent.Piece(int choice, String text, List<TokenLogprob> tokens) -> {
          begin();
          piece(choice * copies + copy, text, tokens);
        }
        case AnswerEvent.Done(int choice, Completion completion) -> {
          begin();
          completions[choice * copies + copy] = completion;
          done(choice * copies + copy, completion);
        }
        case AnswerEvent.Failed _, AnswerEvent.Ended _ -> {} // [Exchange#fail] sends a failure
      }
    }
  }

  /// Sends the object, or the end of the stream.
  public final void end(Usage usage) throws IOException {
    if (!form.stream) {
      exchange.reply(whole(usage));
      return;
    }
    try (Sse ending = Objects.requireNonNull(begin())) {
      last(usage, ending);
    }
  }

  /// Keeps an idle stream alive.
  public final void idle() throws IOException {
    if (sse != null) {
      sse.idle();
    } else if (System.nanoTime() - made > Sse.QUIET_NANOS) {
      begin();
    }
  }

  private @Nullable Sse begin() throws IOException {
    if (form.stream && sse == null) {
      sse = exchange.stream();
      first();
    }
    return sse;
  }

  /// Sends a stream's first events.
  void first() throws IOException {}

  /// Receives the prompt's tokens, if requested.
  void prompt(int choice, List<TokenLogprob> tokens) {}

  /// Writes generated text: whole characters, never the start of a stop string.
  ///
  /// @param tokens since the last piece, if log-probabilities are requested
  abstract void piece(int choice, String text, List<TokenLogprob> tokens) throws IOException;

  /// Ends a choice.
  abstract void done(int choice, Completion completion) throws IOException;

  /// Returns a non-stream response.
  abstract ObjectNode whole(Usage usage);

  /// The `usage` object.
  abstract ObjectNode usage(Usage usage);

  /// Ends a stream: a usage chunk if requested, and `[DONE]`.
  void last(Usage usage, Sse ending) throws IOException {
    if (form.usage) {
      ObjectNode end = heading.object(chunk);
      end.putArray("choices");
      end.set("usage", usage(usage));
      ending.event(end);
    }
    ending.done();
  }

  /// The text or message of a choice that has ended.
  abstract JsonNode answer(int choice);

  /// Why a choice has ended.
  String finish(int choice) {
    return finish(completion(choice).stop());
  }

  /// The text or message of each choice, once all have ended.
  public final List<JsonNode> answers() {
    return each(this::answer);
  }

  /// The finish reason of each choice, once all have ended.
  public final List<String> finishes() {
    return each(this::finish);
  }

  private <T> List<T> each(IntFunction<T> of) {
    return IntStream.range(0, form.n).mapToObj(of).toList();
  }

  final Completion completion(int choice) {
    return Objects.requireNonNull(completions[choice], "a choice that has not ended");
  }

  /// The event stream; null: it has not begun, or the response is an object.
  final @Nullable Sse sse() {
    return sse;
  }

  /// Sends a chunk of a choice, if the response is a stream.
  final void send(
      int choice,
      String field,
      JsonNode content,
      @Nullable ObjectNode logprobs,
      @Nullable String finish)
      throws IOException {
    if (sse != null) {
      ObjectNode part = heading.object(chunk);
      fill(part.putArray("choices").addObject(), choice, field, content, logprobs, finish);
      if (form.usage) {
        part.putNull("usage");
      }
      sse.event(part);
    }
  }

  /// Fills an entry of `choices`.
  ///
  /// @param field name of the content
  /// @param finish null: the choice goes on
  static void fill(
      ObjectNode entry,
      int choice,
      String field,
      JsonNode content,
      @Nullable ObjectNode logprobs,
      @Nullable String finish) {
    entry.put("index", choice).set(field, content);
    entry.set("logprobs", logprobs == null ? entry.nullNode() : logprobs);
    entry.put("finish_reason", finish);
  }

  /// The finish reason in OpenAI's words.
  public static String finish(Completion.Stop stop) {
    return switch (stop) {
      case EOS, STRING, TOKEN -> "stop";
      case LENGTH -> "length";
      case INTERRUPTED -> "abort"; // as in vLLM
    };
  }
}
