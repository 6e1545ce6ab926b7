variable "name" {
  description = "Name of the topic."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,256}$", var.name))
    error_message = "A topic's name holds letters, digits, _ and - only, 256 at most."
  }
}

variable "kms_key_arn" {
  description = "Key that encrypts the messages; CloudWatch must be allowed to use it."
  type        = string
}

variable "email_addresses" {
  description = "Who gets the messages by mail; each address must confirm the first one."
  type        = set(string)
  default     = []

  validation {
    condition     = alltrue([for one in var.email_addresses : can(regex("^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$", one))])
    error_message = "email_addresses holds something that is no mail address."
  }
}
