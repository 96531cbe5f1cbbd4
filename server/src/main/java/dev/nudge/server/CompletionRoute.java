package dev.nudge.server;

import dev.nudge.constrain.Constraint;
import dev.nudge.generate.GenerationRequest;
import dev.nudge.server.http.ApiException;
import dev.nudge.server.http.Exchange;
import dev.nudge.server.http.Fields;
import dev.nudge.server.http.Heading;
import dev.nudge.server.http.KnownFields;
import dev.nudge.server.http.Served;
import dev.nudge.server.replies.CompletionReply;
import dev.nudge.server.replies.Reply;
import dev.nudge.settings.verb.SamplingSettings;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/// `POST /v1/completions`: raw prompts, as texts or token ids.
record CompletionRoute(ServerContext shared) implements Routes.Handler {
  private static final int USUAL_TOKENS = 16; // as OpenAI
  private static final int MOST_PROMPTS = 256;

  @Override
  public void handle(Exchange exchange) {
    KnownFields.COMPLETION.check(exchange);
    Fields fields = exchange.body();
    Served served = shared.find(exchange, ChatRoute.or(fields.text("model"), ""));
    if (fields.has("suffix") && !ChatRoute.or(fields.text("suffix"), "").isEmpty()) {
      throw ApiException.wrong("suffix", "'suffix' is not supported; leave it out");
    }
    if (fields.has("messages") && !fields.has("prompt") && !fields.has("columns")) {
      throw ApiException.missing(
          "prompt", "'prompt' is missing; give a text, or send 'messages' to /v1/chat/completions");
    }
    AdapterForm form = AdapterForm.of(served);
    List<String> filled =
        fields.has("columns") ? form.prompts(fields, MOST_PROMPTS) : List.<String>of();
    List<int[]> prompts =
        filled.isEmpty()
            ? TextField.read(shared, fields, "prompt", MOST_PROMPTS)
            : filled.stream().map(text -> shared.ids("columns", text)).toList();
    if (filled.isEmpty()) {
      form.check(false, exchange);
    }
    Integer top = SamplingFields.completionTop(fields);
    boolean echo = fields.flag("echo", false);
    SamplingSettings sampling = SamplingFields.of(fields, USUAL_TOKENS, echo ? 0 : 1, top);
    Constraint constraint = shared.constraints().of(fields, null);
    int n = SamplingFields.n(fields);
    List<CompletionReply.Echo> echoes = new ArrayList<>();
    List<GenerationRequest> requests = new ArrayList<>();
    for (int[] prompt : prompts) {
      shared.checkFits(filled.isEmpty() ? "prompt" : "columns", prompt);
      GenerationRequest request =
          GenerationRequest.of(prompt, sampling)
              .withN(sampling.n())
              .withClient(exchange.client().name())
              .withConstraint(constraint);
      requests.add(echo && top != null ? request.withEcho() : request);
      for (int i = 0; i < n; i++) {
        echoes.add(echo ? echo(prompt) : CompletionReply.Echo.NONE);
      }
    }
    Heading heading = Heading.of("cmpl-", served.asked(), served);
    boolean nothing = SamplingFields.nothing(fields);
    Reply.Form shape = ChatRoute.form(fields, echoes.size());
    Reply reply = new CompletionReply(exchange, heading, shape, echoes, top != null, nothing);
    JsonNode prompt =
        filled.size() == 1
            ? JsonNodeFactory.instance.stringNode(filled.getFirst())
            : fields.node("prompt");
    ServerExtension.Answer answer =
        prompt != null && prompt.isString() && !nothing // captures single texts only
            ? new ServerExtension.Answer(exchange, heading, prompt, null, reply)
            : null;
    exchange.answers(heading.id(), requests);
    new Answering(shared, exchange, reply, answer, n / sampling.n()).answer(served, requests);
  }

  private CompletionReply.Echo echo(int[] prompt) {
    var tokenizer = shared.session().tokenizer();
    return new CompletionReply.Echo(
        tokenizer.decode(prompt, false),
        CompletionReply.Echo.first(prompt[0], tokenizer.decode(new int[] {prompt[0]}, false)));
  }
}
