package dev.nudge.langchain4j;

import dev.langchain4j.exception.InvalidRequestException;
import dev.langchain4j.exception.LangChain4jException;
import dev.langchain4j.exception.RateLimitException;
import dev.langchain4j.model.ModelProvider;
import dev.langchain4j.model.chat.Capability;
import dev.langchain4j.model.chat.ChatModel;
import dev.langchain4j.model.chat.listener.ChatModelListener;
import dev.langchain4j.model.chat.request.ChatRequest;
import dev.langchain4j.model.chat.request.ChatRequestParameters;
import dev.langchain4j.model.chat.response.ChatResponse;
import dev.nudge.chat.Answer;
import dev.nudge.chat.Assistant;
import dev.nudge.settings.SamplingSettings;
import java.util.List;
import java.util.Set;

/// Answers chats of LangChain4j in this process.
///
/// The model name of a request is an adapter: a name that the assistant knows, a folder, or a
/// reference such as `support@champion`. A request without one is answered as
/// [Assistant#usual] says: by the one adapter that has a name, or what was chosen.
///
///     ChatModel model = NudgeChatModel.of(assistant);
///     model.chat(ChatRequest.builder().modelName("support").messages(messages).build());
///
/// [NudgeChatRequestParameters] has what only nudge knows: a client's name, names for the template.
/// What a request does not say is as the sampling says: the likeliest token each time where nothing
/// else was given. Images and other contents are refused.
///
/// Threading: any number of threads. It does not close the assistant.
///
/// @param sampling with seed 0 and a temperature each answer is another one
/// @param defaults of requests
/// @param listeners told of each request
public record NudgeChatModel(
    Assistant assistant,
    SamplingSettings sampling,
    ChatRequestParameters defaults,
    List<ChatModelListener> listeners)
    implements ChatModel {

  public NudgeChatModel {
    defaults = NudgeChatRequestParameters.of(defaults); // so that a request's own are kept
    listeners = List.copyOf(listeners);
  }

  /// A model whose answers are of the likeliest tokens, as long as the model allows.
  public static NudgeChatModel of(Assistant assistant) {
    return new NudgeChatModel(
        assistant,
        SamplingSettings.greedy().withMaxTokens(assistant.usualTokens()),
        ChatRequestParameters.builder().build(),
        List.of());
  }

  /// Sampled in another way where a request says nothing.
  public NudgeChatModel withSampling(SamplingSettings how) {
    return new NudgeChatModel(assistant, how, defaults, listeners);
  }

  /// With other defaults of requests, such as an adapter's name.
  public NudgeChatModel withDefaults(ChatRequestParameters parameters) {
    return new NudgeChatModel(assistant, sampling, parameters, listeners);
  }

  /// With listeners.
  public NudgeChatModel withListeners(List<ChatModelListener> all) {
    return new NudgeChatModel(assistant, sampling, defaults, all);
  }

  /// Answers a request.
  ///
  /// @throws InvalidRequestException where it cannot be answered as it is
  /// @throws RateLimitException where too many wait already
  /// @throws LangChain4jException where this thread is interrupted, or the assistant closed
  @Override
  public ChatResponse doChat(ChatRequest request) {
    try {
      Answer answer = assistant.ask(Questions.of(request, sampling));
      if (answer.end() == Answer.End.CANCELLED) {
        throw new LangChain4jException("the answer was cut off: " + answer.text());
      }
      return Responses.of(request, answer);
    } catch (RuntimeException e) {
      throw Responses.failure(e);
    }
  }

  @Override
  public ChatRequestParameters defaultRequestParameters() {
    return defaults;
  }

  @Override
  public ModelProvider provider() {
    return ModelProvider.OTHER;
  }

  @Override
  public Set<Capability> supportedCapabilities() {
    return Set.of(Capability.RESPONSE_FORMAT_JSON_SCHEMA);
  }
}
