package dev.nudge.server;

import dev.nudge.chat.ChatTemplates;
import dev.nudge.chat.ChatText;
import dev.nudge.chat.FieldException;
import dev.nudge.chat.ToolFormat;
import dev.nudge.chat.Tools;
import dev.nudge.constrain.Constraint;
import dev.nudge.generate.Completion;
import dev.nudge.generate.GenerationRequest;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.Heading;
import dev.nudge.server.http.KnownFields;
import dev.nudge.server.http.Served;
import dev.nudge.server.replies.ChatChoice;
import dev.nudge.server.replies.ChatReply;
import dev.nudge.server.replies.ChatStream;
import dev.nudge.server.replies.Reply;
import dev.nudge.settings.verb.SamplingSettings;
import dev.nudge.text.Tokenizer;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// `POST /v1/chat/completions`.
record ChatRoute(ServerContext shared) implements Routes.Handler {

  /// A chat request, from any route.
  ///
  /// @param fields of a chat completion
  /// @param messagesField the client's name of `messages`, for errors
  /// @param formatField the client's name of `response_format`, for errors
  /// @param idPrefix prefix of the response id
  record ChatRequest(Fields fields, String messagesField, String formatField, String idPrefix) {}

  /// Creates the reply of a chat.
  interface Teller {
    Reply of(Heading heading, List<ChatChoice> choices, boolean thinks);
  }

  @Override
  public void handle(Exchange exchange) {
    KnownFields.CHAT.check(exchange);
    Fields fields = exchange.body();
    Tokenizer tokenizer = shared.session().tokenizer();
    answer(
        exchange,
        new ChatRequest(fields, "messages", "response_format", "chatcmpl-"),
        (heading, choices, thinks) ->
            fields.flag("stream", false)
                ? new ChatStream(exchange, heading, tokenizer, choices, usage(fields), thinks)
                : new ChatReply(exchange, heading, tokenizer, choices, thinks));
  }

  /// Generates a chat completion.
  void answer(Exchange exchange, ChatRequest asked, Teller teller) {
    Fields fields = asked.fields;
    Served served = shared.find(exchange, or(fields.text("model"), ""));
    AdapterForm.of(served).check(true, exchange);
    ArrayNode messages = messages(asked);
    Tools tools = Tools.of(fields.list("tools"), fields.node("tool_choice"));
    ChatTemplates.Prompt prompt = prompt(asked, served, messages, tools);
    Integer top = SamplingFields.chatTop(fields);
    SamplingSettings sampling = SamplingFields.of(fields, shared.session().usualTokens(), 1, top);
    ToolFormat format = ToolFormat.of(prompt.template());
    Constraint constraint = constraint(asked, tools, format, prompt.turnEnd());
    int[] ids = prompt.ids(constraint != null);
    shared.checkFits(asked.messagesField, ids);
    int n = SamplingFields.n(fields);
    ChatText.Rules rules = ChatText.Rules.of(prompt, tools, format, constraint != null);
    boolean oneCall =
        tools.must()
            || format.callsOne(prompt.template())
            || !fields.flag("parallel_tool_calls", true);
    List<ChatChoice> choices =
        Stream.generate(() -> new ChatChoice(rules, oneCall)).limit(n).toList();
    Heading heading = Heading.of(asked.idPrefix, served.asked(), served);
    Reply reply =
        shared
            .extension()
            .around(
                teller.of(heading, choices, rules.thinks()),
                new ServerExtension.Answer(
                    exchange, heading, messages, tools.shown(), new Messages(choices), n));
    GenerationRequest request =
        GenerationRequest.of(ids, sampling)
            .withN(sampling.n())
            .withClient(exchange.client().name())
            .withTurnEnd(prompt.turnEnd())
            .withConstraint(constraint);
    exchange.answers(heading.id(), List.of(request));
    new Answering(shared, exchange, reply, n / sampling.n()).answer(served, List.of(request));
  }

  /// The choices of a chat as messages.
  private record Messages(List<ChatChoice> choices) implements ServerExtension.Choice {
    @Override
    public JsonNode answer(int choice, Completion completion) {
      return choices.get(choice).message();
    }

    @Override
    public String finish(int choice, Completion completion) {
      return choices.get(choice).finish(completion.stop());
    }
  }

  private ChatTemplates.Prompt prompt(
      ChatRequest asked, Served served, ArrayNode messages, Tools tools) {
    ObjectNode variables = asked.fields.object("chat_template_kwargs");
    try {
      return shared.prompts().of(served, messages, tools.shown(), variables);
    } catch (FieldException e) {
      throw e.field().equals("messages")
          ? ApiException.wrong(asked.messagesField, String.valueOf(e.getMessage()))
          : e;
    }
  }

  private static ArrayNode messages(ChatRequest asked) {
    ArrayNode messages = asked.fields.list("messages");
    if (messages == null) {
      throw ApiException.missing("messages", "'messages' is missing; give at least one");
    }
    if (messages.isEmpty()) {
      throw ApiException.wrong(
          asked.messagesField,
          "'%s' is empty; give at least one message".formatted(asked.messagesField));
    }
    return messages;
  }

  /// Whether a stream ends with a usage chunk.
  static boolean usage(Fields fields) {
    ObjectNode options = fields.object("stream_options");
    return options != null && new Fields(options).flag("include_usage", false);
  }

  private @Nullable Constraint constraint(
      ChatRequest asked, Tools tools, ToolFormat format, @Nullable Integer turnEnd) {
    String schema = tools.schema(format, Constraints.schema(asked.fields));
    return schema == null
        ? shared.constraints().guided(asked.fields, turnEnd)
        : shared.constraints().schema(tools.must() ? "tools" : asked.formatField, schema, turnEnd);
  }

  static String or(@Nullable String text, String otherwise) {
    return text == null ? otherwise : text;
  }
}
