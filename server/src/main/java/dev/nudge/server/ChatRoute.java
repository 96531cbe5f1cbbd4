package dev.nudge.server;

import dev.nudge.chat.AnswerText;
import dev.nudge.chat.ChatTemplates;
import dev.nudge.chat.FieldException;
import dev.nudge.chat.ToolFormat;
import dev.nudge.chat.Tools;
import dev.nudge.constrain.Constraint;
import dev.nudge.generate.GenerationRequest;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.Heading;
import dev.nudge.server.http.KnownFields;
import dev.nudge.server.http.Served;
import dev.nudge.server.replies.ChatReply;
import dev.nudge.server.replies.Reply;
import dev.nudge.settings.verb.SamplingSettings;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
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
    Reply of(Heading heading, List<AnswerText> choices, boolean thinks);
  }

  @Override
  public void handle(Exchange exchange) {
    KnownFields.CHAT.check(exchange);
    Fields fields = exchange.body();
    answer(
        exchange,
        new ChatRequest(fields, "messages", "response_format", "chatcmpl-"),
        (heading, choices, thinks) ->
            new ChatReply(
                exchange,
                heading,
                form(fields, choices.size()),
                shared.session().tokenizer(),
                choices,
                thinks));
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
    AnswerText.Rules rules = AnswerText.Rules.of(prompt, tools, format, constraint != null);
    boolean oneCall =
        tools.must()
            || format.callsOne(prompt.template())
            || !fields.flag("parallel_tool_calls", true);
    List<AnswerText> choices =
        Stream.generate(() -> new AnswerText(rules, oneCall)).limit(n).toList();
    Heading heading = Heading.of(asked.idPrefix, served.asked(), served);
    Reply reply = teller.of(heading, choices, rules.thinks());
    GenerationRequest request =
        GenerationRequest.of(ids, sampling)
            .withN(sampling.n())
            .withClient(exchange.client().name())
            .withTurnEnd(prompt.turnEnd())
            .withConstraint(constraint);
    exchange.answers(heading.id(), List.of(request));
    var answer = new ServerExtension.Answer(exchange, heading, messages, tools.shown(), reply);
    new Answering(shared, exchange, reply, answer, n / sampling.n())
        .answer(served, List.of(request));
  }

  private ChatTemplates.Prompt prompt(
      ChatRequest asked, Served served, ArrayNode messages, Tools tools) {
    ObjectNode variables = asked.fields.object("chat_template_kwargs");
    try {
      return shared.prompt(served, messages, tools.shown(), variables);
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

  /// Reads the form of the response.
  static Reply.Form form(Fields fields, int n) {
    ObjectNode options = fields.object("stream_options");
    boolean usage = options != null && new Fields(options).flag("include_usage", false);
    return new Reply.Form(n, fields.flag("stream", false), usage);
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
