package com.example;

import dev.nudge.chat.Assistant;
import dev.nudge.machine.Machine;
import dev.nudge.settings.ModelSettings;
import dev.nudge.springai.NudgeChatModel;
import dev.nudge.springai.NudgeChatOptions;
import java.nio.file.Path;
import java.util.Map;
import org.springframework.ai.chat.client.ChatClient;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.http.MediaType;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RequestParam;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.servlet.mvc.method.annotation.SseEmitter;

/// Answers questions by HTTP through any adapter of one model:
///
///     curl 'localhost:8080/answer?question=Where+is+my+order&adapter=support@champion'
///
/// An adapter is a name or a version of the registry, such as `support`, `support@champion` or
/// `support:2`. A folder is refused, because a client must not choose files. The context closes the
/// assistant, which ends what is being answered.
@SpringBootApplication
public class Answers {
  public static void main(String[] args) {
    SpringApplication.run(Answers.class, args);
  }

  @Bean
  Assistant assistant(
      @Value("${nudge.model}") String model,
      @Value("${nudge.template:#{null}}") String template,
      @Value("${nudge.registry:#{null}}") String registry,
      @Value("${nudge.adapter:#{null}}") String adapter) {
    Assistant assistant =
        Assistant.open(
            ModelSettings.of(Path.of(model)),
            template,
            registry == null ? null : Path.of(registry),
            Machine.here());
    // The one adapter that has a name answers questions that name none.
    return adapter == null ? assistant : assistant.name("support", adapter);
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
  record Questions(ChatClient client) {

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
      return client
          .prompt()
          .user(question)
          .options(NudgeChatOptions.builder().model(adapter).maxTokens(200));
    }
  }
}
