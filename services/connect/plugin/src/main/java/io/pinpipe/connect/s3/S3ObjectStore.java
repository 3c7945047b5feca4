package io.pinpipe.connect.s3;

import java.io.ByteArrayInputStream;
import java.net.URI;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import software.amazon.awssdk.auth.credentials.AwsBasicCredentials;
import software.amazon.awssdk.auth.credentials.StaticCredentialsProvider;
import software.amazon.awssdk.awscore.exception.AwsServiceException;
import software.amazon.awssdk.awscore.retry.AwsRetryStrategy;
import software.amazon.awssdk.core.checksums.RequestChecksumCalculation;
import software.amazon.awssdk.core.exception.SdkException;
import software.amazon.awssdk.core.sync.RequestBody;
import software.amazon.awssdk.http.apache.ApacheHttpClient;
import software.amazon.awssdk.regions.Region;
import software.amazon.awssdk.services.s3.S3Client;

/** A bucket in S3, or in what speaks like it. It does not try again by itself: {@link Uploads} does, knowing more. */
final class S3ObjectStore implements ObjectStore {
  private static final Set<Integer> TRANSIENT = Set.of(404, 408, 409, 429);

  private final S3Client s3;
  private final String bucket;
  private final String address;

  S3ObjectStore(S3SinkConfig config) {
    bucket = config.bucket();
    address = "s3://" + bucket + config.storeUrl().map(url -> " at " + url).orElse("");
    var builder =
        S3Client.builder()
            .region(Region.of(config.region()))
            .forcePathStyle(config.pathStyle())
            // the SDK's own CRC32 trailers are an encoding that not every store besides AWS reads
            .requestChecksumCalculation(RequestChecksumCalculation.WHEN_REQUIRED)
            .httpClientBuilder(
                ApacheHttpClient.builder()
                    .maxConnections(config.uploadThreads() + 1)
                    .connectionTimeout(Duration.ofSeconds(5))
                    .socketTimeout(Duration.ofSeconds(20)))
            .overrideConfiguration(
                o -> o.retryStrategy(AwsRetryStrategy.doNotRetry()).apiCallTimeout(Duration.ofSeconds(60)));
    config.storeUrl().ifPresent(url -> builder.endpointOverride(URI.create(url)));
    config
        .accessKey()
        .ifPresent(
            key ->
                builder.credentialsProvider(
                    StaticCredentialsProvider.create(AwsBasicCredentials.create(key, config.secretKey()))));
    s3 = builder.build();
  }

  @Override
  public void put(String key, byte[] body) throws StoreException {
    try {
      s3.putObject(
          request -> request.bucket(bucket).key(key).contentType("application/json"),
          // no copy of the body, unlike fromBytes
          RequestBody.fromContentProvider(() -> new ByteArrayInputStream(body), body.length, "application/json"));
    } catch (SdkException e) {
      throw failed("PutObject " + key, e);
    }
  }

  @Override
  public List<Stored> list(String prefix, String after) throws StoreException {
    try {
      return s3.listObjectsV2Paginator(request -> request.bucket(bucket).prefix(prefix).startAfter(after)).contents()
          .stream()
          .map(object -> new Stored(object.key(), object.size()))
          .toList();
    } catch (SdkException e) {
      throw failed("ListObjectsV2 " + prefix, e);
    }
  }

  @Override
  public String address() {
    return address;
  }

  @Override
  public void close() {
    s3.close();
  }

  /**
   * Refusals (bad key, no right, bad request) are permanent. A bucket that is missing is not: LocalStack forgets its
   * buckets when it stops, and they are made again.
   */
  private StoreException failed(String call, SdkException e) {
    String what = call + " in " + address + ": ";
    if (e instanceof AwsServiceException service) {
      int status = service.statusCode();
      boolean passes = status >= 500 || TRANSIENT.contains(status) || service.isClockSkewException();
      String code = service.awsErrorDetails() == null ? "" : " " + service.awsErrorDetails().errorCode();
      return new StoreException(what + status + code, e, !passes && !e.retryable());
    }
    return new StoreException(what + e.getMessage(), e, false);
  }
}
