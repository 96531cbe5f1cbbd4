package com.example;

import dev.nudge.chat.Assistant;
import dev.nudge.machine.Machine;
import dev.nudge.settings.verb.ModelSettings;
import dev.nudge.springai.NudgeChatModel;
import dev.nudge.springai.NudgeChatOptions;
import java.nio.file.Path;
import java.util.Map;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;
import org.springframework.web.servlet.mvc.method.annotation.SseEmitter;

/// Answers questions by HTTP through any adapter of one model:
///
///     curl 'localhost:8080/answer?question=Where+is+my+order&adapter=support'
///
/// An adapter is a name that `nudge.adapters.NAME` gives to a folder or a reference of the
/// registry;
/// anything else is 400, because a client must not choose files. The context closes the
/// assistant, which ends what is being answered.
@SpringBootApplication
public class Answers {
  public static void main(String[] args) {
    SpringApplication.run(Answers.class, args);
  }

  /// The adapters that a client may name, each with its folder or reference.
  record Adapters(Map<String, String> places) {}

  @Bean
  Assistant assistant(
      @Value("${nudge.model}") String model,
      @Value("${nudge.template:#{null}}") String template,
      @Value("${nudge.registry:#{null}}") String registry,
      Adapters adapters) {
    Assistant assistant =
        Assistant.open(
            ModelSettings.of(Path.of(model)),
            template,
            registry == null ? null : Path.of(registry),
            Machine.here());
    // If one adapter has a name, it answers questions that name none.
    adapters.places().forEach(assistant::name);
    return assistant;
  }

  @Bean
  Adapters adapters(Environment environment) {
    return new Adapters(
        Binder.get(environment)
            .bind("nudge.adapters", Bindable.mapOf(String.class, String.class))
            .orElse(Map.of()));
  }

  @Bean
  ChatModel chatModel(Assistant assistant) {
    return NudgeChatModel.of(assistant);
  }

  @Bean
  ChatClient chatClient(ChatModel model) {
    return ChatClient.create(model);
  }

  @RestController
  record Questions(ChatClient client, Adapters adapters) {

    @GetMapping("/answer")
    String answer(@RequestParam String question, @RequestParam(required = false) String adapter) {
      return asked(question, adapter).call().content();
    }

    @GetMapping(path = "/stream", produces = MediaType.TEXT_EVENT_STREAM_VALUE)
    SseEmitter stream(
        @RequestParam String question, @RequestParam(required = false) String adapter) {
      SseEmitter events = new SseEmitter(0L);
      var words =
          asked(question, adapter).stream()
              .content()
              .subscribe(
                  word -> {
                    try {
                      events.send(Map.of("text", word)); // JSON: a blank at its begin stays
                    } catch (java.io.IOException e) {
                      events.completeWithError(e);
                    }
                  },
                  events::completeWithError,
                  events::complete);
      events.onError(_ -> words.dispose());
      events.onTimeout(words::dispose);
      return events;
    }

    private ChatClient.ChatClientRequestSpec asked(String question, String adapter) {
      if (adapter != null && !adapters.places().containsKey(adapter)) {
        throw new ResponseStatusException(HttpStatus.BAD_REQUEST, "there is no such adapter");
      }
      return client
          .prompt()
          .user(question)
          .options(NudgeChatOptions.builder().model(adapter).maxTokens(200));
    }
  }
}
