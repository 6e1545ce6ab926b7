variable "name" {
  description = "Name of the queue."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the messages."
  type        = string
}

variable "topic_arn" {
  description = "ARN of the topic that the alarm is published to."
  type        = string
}
