variable "name" {
  description = "Name of the queue."
  type        = string
}

variable "kms_key_arn" {
  description = "Key that encrypts the messages."
  type        = string
}

variable "topic_arn" {
  description = "Topic that is told when something lies in the queue."
  type        = string
}
