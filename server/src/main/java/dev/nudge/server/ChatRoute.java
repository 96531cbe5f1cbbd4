package dev.nudge.server;

import dev.nudge.constrain.Constraint;
import dev.nudge.generate.Request;
import dev.nudge.settings.SamplingSettings;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/// `POST /v1/chat/completions`.
record ChatRoute(Shared shared) implements Routes.Handler {

  /// The tools of a request.
  ///
  /// @param shown to the template; null: none
  /// @param choosable those that may be called
  /// @param must whether one of them has to be
  private record Tools(@Nullable ArrayNode shown, List<ObjectNode> choosable, boolean must) {
    static final Tools NONE = new Tools(null, List.of(), false);

    Set<String> names() {
      Set<String> names = new HashSet<>();
      choosable.forEach(function -> names.add(function.path("name").asString()));
      return names;
    }
  }

  @Override
  public void handle(Exchange exchange) {
    Fields fields = exchange.body();
    Served served = shared.find(exchange, or(fields.text("model"), ""));
    ArrayNode messages = fields.list("messages");
    if (messages == null || messages.isEmpty()) {
      throw ApiException.wrong("messages", "'messages' is missing or empty; give at least one");
    }
    Tools tools = tools(fields);
    Prompts.Prompt prompt =
        shared.prompts().of(served, messages, tools.shown, fields.object("chat_template_kwargs"));
    Integer top = SamplingFields.chatTop(fields);
    SamplingSettings sampling = SamplingFields.of(fields, shared.usualTokens(), 1, top);
    shared.checkFits("messages", prompt.ids());
    ToolFormat format = ToolFormat.of(prompt.template());
    Constraint constraint = constraint(fields, tools, format, prompt.turnEnd());
    int n = SamplingFields.n(fields);
    ChatText.Rules rules = rules(prompt, tools, format, constraint != null);
    boolean oneCall = tools.must || !fields.flag("parallel_tool_calls", true);
    List<ChatChoice> choices =
        Stream.generate(() -> new ChatChoice(rules, oneCall)).limit(n).toList();
    Heading heading = Heading.of("chatcmpl-", served.asked(), served);
    Reply reply =
        fields.flag("stream", false)
            ? new ChatStream(
                exchange,
                heading,
                shared.session().tokenizer(),
                choices,
                usage(fields),
                rules.thinks())
            : new ChatReply(
                exchange, heading, shared.session().tokenizer(), choices, rules.thinks());
    Request request =
        Request.of(prompt.ids(), sampling)
            .withN(sampling.n())
            .withClient(exchange.client().name())
            .withTurnEnd(prompt.turnEnd())
            .withConstraint(constraint);
    exchange.answers(heading.id(), List.of(request));
    new Answering(shared, exchange, reply, n / sampling.n()).answer(served, List.of(request));
  }

  /// Whether a stream is to end with the usage.
  static boolean usage(Fields fields) {
    ObjectNode options = fields.object("stream_options");
    return options != null && new Fields(options).flag("include_usage", false);
  }

  private static ChatText.Rules rules(
      Prompts.Prompt prompt, Tools tools, ToolFormat format, boolean constrained) {
    if (tools.must) {
      return new ChatText.Rules(false, false, format, tools.names(), true);
    }
    boolean thinks = !constrained && prompt.template().contains("</think>");
    return new ChatText.Rules(
        thinks,
        thinks && prompt.text().stripTrailing().endsWith("<think>"),
        tools.choosable.isEmpty() || constrained ? null : format,
        tools.names(),
        false);
  }

  private @Nullable Constraint constraint(
      Fields fields, Tools tools, ToolFormat format, @Nullable Integer turnEnd) {
    if (tools.must) {
      String schema = Constraints.call(tools.choosable, format);
      return shared.constraints().schema("tools", schema, turnEnd);
    }
    return shared.constraints().of(fields, turnEnd);
  }

  private static Tools tools(Fields fields) {
    ArrayNode given = fields.list("tools");
    JsonNode choice = fields.node("tool_choice");
    List<ObjectNode> functions = new ArrayList<>();
    for (JsonNode tool : given == null ? List.<JsonNode>of() : given) {
      if (!tool.path("type").asString("").equals("function")
          || !(tool.path("function") instanceof ObjectNode function)
          || !function.path("name").asString("").matches("[A-Za-z0-9_.-]{1,128}")) {
        throw ApiException.wrong(
            "tools",
            "tool %d is no function with a name of letters, digits, '_', '-' and '.'"
                .formatted(functions.size() + 1));
      }
      functions.add(function);
    }
    String how = choice == null ? "auto" : choice.isString() ? choice.stringValue() : "named";
    if (functions.isEmpty()) {
      if (how.equals("required") || how.equals("named")) {
        throw ApiException.wrong("tool_choice", "'tool_choice' is given without 'tools'; add them");
      }
      return Tools.NONE;
    }
    return switch (how) {
      case "none" -> Tools.NONE;
      case "auto" -> new Tools(given, functions, false);
      case "required" -> new Tools(given, functions, true);
      case "named" -> {
        String name = choice == null ? "" : choice.path("function").path("name").asString("");
        List<ObjectNode> one =
            functions.stream().filter(f -> f.path("name").asString().equals(name)).toList();
        if (one.isEmpty()) {
          throw ApiException.wrong(
              "tool_choice",
              "'tool_choice' names the function '%s'; it is not among the tools"
                  .formatted(ApiException.shown(name)));
        }
        yield new Tools(given, one, true);
      }
      default ->
          throw ApiException.wrong(
              "tool_choice",
              "'tool_choice' is '%s'; it must be none, auto, required or a function"
                  .formatted(ApiException.shown(how)));
    };
  }

  static String or(@Nullable String text, String otherwise) {
    return text == null ? otherwise : text;
  }
}
