package dev.nudge.springai;

import dev.nudge.chat.Answer;
import dev.nudge.chat.Assistant;
import dev.nudge.generate.Serving;
import dev.nudge.settings.BusyException;
import dev.nudge.settings.InputException;
import dev.nudge.settings.RunException;
import dev.nudge.settings.SamplingSettings;
import org.springframework.ai.chat.model.ChatModel;
import org.springframework.ai.chat.model.ChatResponse;
import org.springframework.ai.chat.prompt.ChatOptions;
import org.springframework.ai.chat.prompt.Prompt;
import reactor.core.publisher.Flux;

/// Answers prompts of Spring AI in this process.
///
/// The model of the options is an adapter: a name that the assistant knows, a folder, or a
/// reference such as `support@champion`. A prompt without one is answered as
/// [Assistant#usual] says: by the one adapter that has a name, or what was chosen.
///
///     ChatModel model = NudgeChatModel.of(assistant);
///     ChatOptions options = ChatOptions.builder().model("support").build();
///     model.call(new Prompt("Hello", options));
///
/// What options do not say is as the sampling says: the likeliest token each time where nothing
/// else was given. Tools are described to the model and their calls handed back; a `ChatClient`
/// makes them. Images and other media are refused.
///
/// Threading: any number of threads. It does not close the assistant.
///
/// @param sampling with seed 0 and a temperature each answer is another one
/// @param options where a prompt says nothing
public record NudgeChatModel(Assistant assistant, SamplingSettings sampling, ChatOptions options)
    implements ChatModel {

  public NudgeChatModel {
    if (!(options instanceof NudgeChatOptions)) { // others know no tools and no schema
      options = NudgeChatOptions.builder().combineWith(options.mutate()).build();
    }
  }

  /// A model whose answers are of the likeliest tokens, as long as the model allows.
  public static NudgeChatModel of(Assistant assistant) {
    return new NudgeChatModel(
        assistant,
        SamplingSettings.greedy().withMaxTokens(assistant.usualTokens()),
        NudgeChatOptions.builder().build());
  }

  /// Sampled in another way where options say nothing.
  public NudgeChatModel withSampling(SamplingSettings how) {
    return new NudgeChatModel(assistant, how, options);
  }

  /// With other options where a prompt says nothing, such as an adapter's name.
  public NudgeChatModel withOptions(ChatOptions usual) {
    return new NudgeChatModel(assistant, sampling, usual);
  }

  @Override
  public ChatOptions getOptions() {
    return options;
  }

  /// Answers a prompt.
  ///
  /// @throws InputException where it cannot be answered as it is
  /// @throws BusyException where too many wait already
  /// @throws RunException where this thread is interrupted, or the assistant closed
  @Override
  public ChatResponse call(Prompt prompt) {
    PromptQuestion asked = PromptQuestion.of(prompt, options, sampling);
    Answer answer = assistant.ask(asked.question());
    if (answer.end() == Answer.End.CANCELLED) {
      throw new RunException("the answer was cut off: " + answer.text());
    }
    return Responses.whole(asked.model(), answer);
  }

  /// Answers a prompt as its tokens come: text, and thoughts as `reasoningDelta` of a message's
  /// metadata. The last response has the calls of tools, the whole thought as `reasoningContent`,
  /// the reason of the end and the usage. Who cancels the subscription ends the answer within a
  /// token.
  @Override
  public Flux<ChatResponse> stream(Prompt prompt) {
    return Flux.create(
        sink -> {
          PromptQuestion asked = PromptQuestion.of(prompt, options, sampling);
          Serving.Running running =
              assistant.ask(asked.question(), new Streaming(asked.model(), sink));
          sink.onDispose(running::cancel);
        });
  }
}
