#!/usr/bin/env bash
# Prints what the commands of README.md need to know of a deployed stage, for a shell to evaluate: make env STAGE=prod.
# If the stage is not there they know of none then, rather than of the one before.
set -euo pipefail

# An output of the stack, and the variable that holds it.
variables='ApiUrl API
AdminUrl ADMIN_URL
ConsoleUrl CONSOLE
AlarmTopicArn ALARM_TOPIC
VerificationsTable VERIFICATIONS_TABLE
ServiceTable SERVICE_TABLE
DeliveriesTable DELIVERIES_TABLE
DeliveryQueueUrl QUEUE_URL
DeadLetterQueueUrl DEAD_LETTERS_URL
ParkedBucket PARKED_BUCKET
PortalFunction PORTAL
AdminFunction ADMIN
DispatcherFunction DISPATCHER
RetrierFunction RETRIER
SweeperFunction SWEEPER'

if [ "$1" = local ]; then
  echo 'The local stage needs no environment: the commands find it in localstack/.state, if ADMIN_URL is not set.' >&2
  outputs='' there=no
else
  outputs=$(aws cloudformation describe-stacks --stack-name "VerificationWebhooks-$1" --output text \
    --query 'Stacks[0].Outputs[].[OutputKey,OutputValue]') || there=no
fi
while read -r output variable; do
  echo "unset $variable"
  while read -r name value; do
    if [ "$name" = "$output" ]; then printf 'export %s=%q\n' "$variable" "$value"; fi
  done <<<"$outputs"
done <<<"$variables"
if [ -n "${there:-}" ]; then
  echo false
  exit 1
fi
